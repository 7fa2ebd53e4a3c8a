"""The bill of materials of a system that is made of the starter kit, wherever its images come from."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from support.processes import ROOT, lkboard
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

    from support.registry import Registry

DEMO = ROOT / "resources/examples/demo.yml"
BUILD = ("build", DEMO, "--arch", "arm64", "--format", "tar", "-o")
INIT, SSHD = "", "containers/services/sshd/lower"
PACKAGES = {
    ("linux-image-6.1.0-9-arm64", INIT),
    ("busybox-static", INIT),
    ("runc", INIT),
    ("libc6", INIT),
    ("libseccomp2", INIT),
    ("busybox-static", "containers/onboot/000-dhcp/lower"),
    ("busybox-static", "containers/services/web/rootfs"),
    *(
        (name, SSHD)
        for name in ("busybox-static", "dropbear-bin", "libc6", "libcrypt1", "libgmp10", "libtomcrypt1", "libtommath1")
    ),
    ("zlib1g", SSHD),
}
"""Every package in the demo, and where its files went."""


def bill_of(archive: Path) -> dict[str, Any]:
    with tarfile.open(archive) as tar:
        stream = tar.extractfile("sbom.spdx.json")
        assert stream
        found: dict[str, Any] = json.load(stream)
        return found


def packages_of(archive: Path) -> set[tuple[str, str]]:
    """Return the Debian packages of a system by name and place."""
    packages = [one for one in bill_of(archive)["packages"] if "externalRefs" in one]
    return {(one["name"], one.get("packageFileName", "")) for one in packages}


@pytest.fixture(scope="module")
def demo(starter_kit: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo as an archive."""
    path = tmp_path_factory.mktemp("demo") / "demo.tar"
    done = lkboard(*BUILD, path, "--cache", starter_kit)
    assert done.returncode == 0, done.stderr
    return path


def test_it_lists_every_package_where_its_files_are(demo: Path) -> None:
    assert packages_of(demo) == PACKAGES


def test_it_describes_the_images(demo: Path) -> None:
    bill = bill_of(demo)
    names = {one["SPDXID"]: one["name"] for one in bill["packages"]}
    described = {
        names[one["relatedSpdxElement"]] for one in bill["relationships"] if one["relationshipType"] == "DESCRIBES"
    }
    assert described == {f"docker.io/lkboard/{name}:kit" for name in ("kernel", "init", "runc", "dhcp", "sshd", "web")}


def test_it_is_valid(demo: Path, tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    path = tmp_path / "x.spdx.json"
    path.write_text(json.dumps(bill_of(demo)))
    assert [message.validation_message for message in validate_full_spdx_document(parse_file(str(path)))] == []


def test_it_is_the_same_from_a_vendored_folder(demo: Path, starter_kit: str, tmp_path: Path) -> None:
    folder, config = tmp_path / "vendored", tmp_path / DEMO.name  # the lock is written beside it
    shutil.copy(DEMO, config)
    options = ("--arch", "arm64", "--format", "tar", "--cache", starter_kit)
    done = lkboard("lock", config, *options)
    assert done.returncode == 0, done.stderr
    lock = (tmp_path / "lkboard.lock").read_bytes()
    done = lkboard("vendor", folder, config, *options)
    assert done.returncode == 0, done.stderr
    assert (folder / "lkboard.lock").read_bytes() == lock
    done = lkboard(*BUILD, tmp_path / "x.tar", "--vendored", folder)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.tar").read_bytes() == demo.read_bytes()


def test_it_comes_along_with_an_exported_image(starter_kit: str, tmp_path: Path) -> None:
    """Export, import elsewhere: the bill of the one architecture is there, and that of the other is not."""
    name, archive, cache = "lkboard/web:kit", tmp_path / "web.tar", tmp_path / "cache"
    assert lkboard("cache", "export", name, "-o", archive, "--arch", "arm64", "--cache", starter_kit).returncode == 0
    assert lkboard("cache", "import", archive, "--cache", cache).returncode == 0
    config = tmp_path / "x.yml"
    config.write_text(f"init: [{name}]\n")
    done = lkboard("build", config, "--arch", "arm64", "--cache", cache, "--offline", "-o", tmp_path / "x.tar")
    assert done.returncode == 0, done.stderr
    assert packages_of(tmp_path / "x.tar") == {("busybox-static", INIT)}


@pytest.mark.registry
def test_it_is_pulled_from_a_registry(starter_kit: str, registry: Registry, tmp_path: Path) -> None:
    assert lkboard("kit", "push", f"{registry.host}/bills", "--cache", starter_kit).returncode == 0
    config = tmp_path / "x.yml"
    config.write_text(f"init: ['{registry.host}/bills/runc:kit']\n")
    done = lkboard("build", config, "--arch", "amd64", "--cache", tmp_path / "cache", "-o", tmp_path / "x.tar")
    assert done.returncode == 0, done.stderr
    assert packages_of(tmp_path / "x.tar") == {(name, INIT) for name in ("runc", "libc6", "libseccomp2")}


@pytest.mark.registry
def test_skopeo_copies_it_between_registries(starter_kit: str, registry: Registry, tmp_path: Path) -> None:
    need("skopeo")
    source, target = (f"{registry.host}/{folder}/web:kit" for folder in ("from", "to"))
    assert lkboard("kit", "push", f"{registry.host}/from", "--cache", starter_kit).returncode == 0
    options = ("--all", "--src-tls-verify=false", "--dest-tls-verify=false")
    subprocess.run(["skopeo", "copy", "-q", *options, f"docker://{source}", f"docker://{target}"], check=True)
    config = tmp_path / "x.yml"
    config.write_text(f"init: ['{target}']\n")
    done = lkboard("build", config, "--arch", "arm64", "--cache", tmp_path / "cache", "-o", tmp_path / "x.tar")
    assert done.returncode == 0, done.stderr
    assert packages_of(tmp_path / "x.tar") == {("busybox-static", INIT)}
