"""The kit made of Debian's real packages, judged by kmod, skopeo and a second build."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.kit import kit_lock, kit_store
from support.tools import need

from lkboard.app.kit import list_kit
from lkboard.board.catalogue import boards
from lkboard.disk.content import read
from lkboard.events import Job
from lkboard.kit.kernel import BASE_MODULES
from lkboard.kit.modinfo import normal_name
from lkboard.model.image import Platform
from lkboard.model.reference import parse_reference
from lkboard.oci.layers.flatten import flatten
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from lkboard.model.rootfs import Entry

pytestmark = pytest.mark.kit
NAMES = ("kernel", "init", "runc", "dhcp", "sshd", "web")
ARCHITECTURES = ("amd64", "arm64")


def files(name: str, architecture: str) -> dict[str, Entry]:
    store = Store(kit_store())
    puller = Puller(store, RegistrySettings(), Job())
    image = puller.resolve(parse_reference(f"lkboard/{name}:kit"), Platform("linux", architecture))
    return {entry.path: entry for entry in flatten(image, store, Job())}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def kernel_root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An architecture, and the folder with what its kernel.tar puts into the root."""
    data = read(files("kernel", request.param)["kernel.tar"].content)
    root = tmp_path_factory.mktemp(request.param)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(root, filter="tar")
    return request.param, root


def release_of(root: Path) -> str:
    (folder,) = (root / "lib/modules").iterdir()
    return folder.name


def wanted_modules(architecture: str) -> set[str]:
    return {name for board in boards() if board.architecture == architecture for name in board.modules}


def test_kmod_finds_every_module_of_every_board(kernel_root: tuple[str, Path]) -> None:
    need("depmod", "modprobe")
    architecture, root = kernel_root
    release = release_of(root)
    # modprobe of kmod reads binary files: depmod makes them of our tree, and complains about what is missing
    result = subprocess.run(["depmod", "-b", root, release], capture_output=True, text=True, check=True)
    assert "needs unknown symbol" not in result.stderr
    for name in sorted(wanted_modules(architecture)):
        found = subprocess.run(
            ["modprobe", "-d", root, "-S", release, "--show-depends", name], capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, (name, found.stderr)


def test_modules_dep_says_the_same_as_depmod(kernel_root: tuple[str, Path], tmp_path: Path) -> None:
    need("depmod")
    _architecture, root = kernel_root
    release = release_of(root)
    ours = (root / f"lib/modules/{release}/modules.dep").read_text()
    copy = tmp_path / "root"
    shutil.copytree(root, copy)
    subprocess.run(["depmod", "-b", copy, release], check=True, capture_output=True)
    theirs = (copy / f"lib/modules/{release}/modules.dep").read_text()
    assert dependencies(ours) == dependencies(theirs)


def dependencies(text: str) -> dict[str, set[str]]:
    return {line.split(":")[0]: set(line.partition(":")[2].split()) for line in text.splitlines()}


def test_the_module_tree_stays_small(kernel_root: tuple[str, Path]) -> None:
    _architecture, root = kernel_root
    modules = list(root.rglob("*.ko"))
    assert 60 <= len(modules) <= 150
    assert sum(path.stat().st_size for path in modules) < 25 << 20


def test_device_trees_of_the_boards_are_there(kernel_root: tuple[str, Path]) -> None:
    architecture, root = kernel_root
    found = {path.name for path in root.rglob("*.dtb")}
    assert ("bcm2837-rpi-3-b.dtb" in found) == (architecture == "arm64")


def test_the_base_list_names_modules_that_exist_somewhere() -> None:
    names = set()
    for architecture in ARCHITECTURES:
        data = read(files("kernel", architecture)["kernel.tar"].content)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                names.add(normal_name(Path(member.name).stem))
                if member.name.endswith("modules.builtin"):
                    builtin = tar.extractfile(member)
                    assert builtin
                    names |= {normal_name(Path(line).stem) for line in builtin.read().decode().splitlines()}
    assert set(BASE_MODULES) <= names


@pytest.mark.parametrize(
    ("architecture", "magic"), [("amd64", (0x202, b"HdrS")), ("arm64", (0x38, b"ARM\x64"))], ids=ARCHITECTURES
)
def test_the_kernel_is_what_loaders_expect(architecture: str, magic: tuple[int, bytes]) -> None:
    kernel = read(files("kernel", architecture)["kernel"].content)
    assert kernel[magic[0] : magic[0] + 4] == magic[1]
    assert kernel[:2] == b"MZ"  # firmware starts it as a PE program


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", NAMES)
def test_skopeo_reads_every_image(name: str, architecture: str) -> None:
    need("skopeo")
    image = f"oci:{kit_store()}:docker.io/lkboard/{name}:kit"
    command = ["skopeo", "inspect", "--override-arch", architecture, image]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert shown["Architecture"] == architecture


def test_every_image_says_what_it_is_made_of() -> None:
    images = list_kit(str(kit_store()))
    assert len(images) == len(NAMES) * len(ARCHITECTURES)
    for image in images:
        assert image.packages
        assert image.licences
        for package, _version in image.packages:
            entry = files(image.name.split("/")[-1].removesuffix(":kit"), image.architecture)[
                f"usr/share/doc/{package}/copyright"
            ]
            assert re.search(r"(?i)licen[sc]e", read(entry.content).decode())


def test_another_machine_makes_the_same_bytes_of_the_same_lock(tmp_path: Path) -> None:
    """Another umask, time zone, locale and folder; the packages are there, so no network is needed."""
    shared, copy = kit_store(), tmp_path / "store"
    before = {image.digest for image in list_kit(str(shared))}
    shutil.copytree(shared / "blobs", copy / "blobs", copy_function=os.link)
    shutil.copy(shared / "oci-layout", copy)
    index = json.loads((shared / "index.json").read_bytes())
    index["manifests"] = [
        entry
        for entry in index["manifests"]
        if "debian-packages" in entry["annotations"]["org.opencontainers.image.ref.name"]
    ]
    (copy / "index.json").write_text(json.dumps(index))
    arguments = ["kit", "build", "-q", "--locked", "--lock", str(kit_lock()), "--cache", str(copy)]
    command = [sys.executable, "-m", "lkboard", *arguments]
    environment = {**os.environ, "TZ": "Pacific/Chatham", "LC_ALL": "C", "http_proxy": "http://127.0.0.1:9/"}
    subprocess.run(command, check=True, capture_output=True, env=environment, umask=0o077)
    assert {image.digest for image in list_kit(str(copy))} == before
