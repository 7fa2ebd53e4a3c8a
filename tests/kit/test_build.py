"""The whole kit from stand-in packages: what goes into which image, the lock, the same bytes twice."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.starter import LOADERS, RELEASE, TRIPLETS, add_kernel, kernel_files
from support.tools import need

from lkboard.disk.content import read
from lkboard.errors import BuildError, Cancelled, OutputError
from lkboard.events import Job, Step
from lkboard.kit.build import KitResult, build_kit
from lkboard.model.board import Board, BoardFile, KernelSource, LayoutRule, LocalSource
from lkboard.model.image import Platform
from lkboard.model.lock import Lock
from lkboard.model.reference import parse_reference
from lkboard.oci.layers.flatten import flatten
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.store import Store
from lkboard.sources.lock_file import read_lock, write_lock

if TYPE_CHECKING:
    from concurrent.futures import Future

    from support.jobs import RecordingJob
    from support.mirror import Mirror

    from lkboard.events import Event
    from lkboard.model.image import ResolvedImage
    from lkboard.model.rootfs import Entry

BOARD = Board(
    id="pi", title="", vendor="", architecture="arm64", boot_chain="rpi", format="sdcard", support="", kernel_path="",
    initrd_path="", layout=LayoutRule("mbr", ()), modules=("ext4", "e1000"),
    files=(
        BoardFile("b.dtb", KernelSource("boot/dtb/broadcom/bcm2837-rpi-3-b.dtb")),
        BoardFile("missing.dtb", KernelSource("boot/dtb/broadcom/bcm2837-rpi-zero-2-w.dtb"), is_optional=True),
        BoardFile("config", KernelSource("boot/config")),
        BoardFile("other", LocalSource("/nowhere")),
    ),
)  # fmt: skip


def build(store: Store, mirror: Mirror, *architectures: str, job: Job | None = None, **more: object) -> KitResult:
    """Build the kit from the stand-ins, for arm64 unless said otherwise."""
    return build_kit(store, architectures or ("arm64",), job or Job(), boards=[BOARD], host=mirror.host, **more)  # type: ignore[arg-type]


def resolved(store: Store, name: str, architecture: str) -> ResolvedImage:
    puller = Puller(store, RegistrySettings(), Job())
    return puller.resolve(parse_reference(f"lkboard/{name}:kit"), Platform("linux", architecture))


def files(store: Store, name: str, architecture: str = "arm64") -> dict[str, Entry]:
    """Return the root of an image as a build would see it: pulled from the store by its short name."""
    return {entry.path: entry for entry in flatten(resolved(store, name, architecture), store, Job())}


@pytest.fixture(scope="module")
def built(mirror: Mirror, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the kit for both architectures; tests only read it."""
    store = Store(tmp_path_factory.mktemp("built") / "store")
    build(store, mirror, "amd64", "arm64")
    return store


def kernel_tar(store: Store, architecture: str = "arm64") -> dict[str, bytes]:
    """Return the files in kernel.tar."""
    data = read(files(store, "kernel", architecture)["kernel.tar"].content)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: member.read() for name, member in members.items() if member}


# kernel


def test_the_kernel_image_has_the_two_files_that_linuxkit_wants(built: Store) -> None:
    found = files(built, "kernel")
    assert [path for path in found if "/" not in path] == ["kernel", "kernel.tar", "usr"]
    assert read(found["kernel"].content) == f"kernel {RELEASE}-arm64".encode()


def test_the_kernel_has_the_modules_of_the_boards_with_all_they_need(built: Store) -> None:
    names = sorted(Path(path).stem for path in kernel_tar(built) if path.endswith(".ko"))
    assert names == ["crc32c-generic", "e1000", "ext4", "jbd2", "mbcache"]


def test_the_kernel_has_the_files_that_modprobe_reads(built: Store) -> None:
    tar = kernel_tar(built)
    root = f"lib/modules/{RELEASE}-arm64"
    assert {Path(path).name for path in tar if path.startswith(f"{root}/modules.")} == {
        "modules.alias",
        "modules.builtin",
        "modules.dep",
        "modules.softdep",
    }
    assert b"kernel/fs/ext4/ext4.ko: kernel/fs/mbcache.ko kernel/fs/jbd2/jbd2.ko\n" in tar[f"{root}/modules.dep"]
    assert b"alias pci:v00008086d0000100Esv* e1000\n" in tar[f"{root}/modules.alias"]


def test_the_kernel_has_the_device_trees_of_the_boards_of_its_architecture(built: Store) -> None:
    assert [path for path in kernel_tar(built) if path.endswith(".dtb")] == ["boot/dtb/broadcom/bcm2837-rpi-3-b.dtb"]
    assert not any(path.endswith(".dtb") for path in kernel_tar(built, "amd64"))


def test_kernel_modules_of_a_merged_usr_are_put_where_every_kernel_has_them(store: Store, moving: Mirror) -> None:
    name, release = f"linux-image-{RELEASE}-arm64", f"{RELEASE}-arm64"
    merged = {path.replace("lib/modules/", "usr/lib/modules/"): data for path, data in kernel_files(release).items()}
    moving.drop(name)
    moving.add(name, "6.1.9-1", merged, architecture="arm64")
    moving.publish()
    build(store, moving)
    assert f"lib/modules/{release}/kernel/fs/ext4/ext4.ko" in kernel_tar(store)


def test_modules_that_the_kernel_lacks_are_a_warning_that_names_them(
    store: Store, mirror: Mirror, job: RecordingJob
) -> None:
    board = replace(BOARD, modules=("ext4", "af_packet", "no-such-module"))
    build_kit(store, ["arm64"], job, boards=[board], host=mirror.host)
    assert job.notes == [f"the kernel {RELEASE}-arm64 has no module named: no-such-module"]


# user space


def test_the_init_has_busybox_its_applets_and_our_scripts(built: Store) -> None:
    found = files(built, "init")
    assert found["bin/sh"].link == "/bin/busybox"
    assert found["sbin/modprobe"].link == "/bin/busybox"
    assert read(found["init"].content).startswith(b"#!")


@pytest.mark.parametrize("path", ["mnt", "proc", "sys", "dev", "run", "tmp", "var", "etc/init.d", "etc/shutdown.d"])
def test_the_init_has_the_directories_of_a_read_only_root(built: Store, path: str) -> None:
    assert files(built, "init")[path].mode == (0o1777 if path == "tmp" else 0o755)


def test_the_users_keys_have_a_private_place(built: Store) -> None:
    assert files(built, "init")["root/.ssh"].mode == 0o700


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_runc_is_where_linuxkit_has_it_with_its_libraries(built: Store, architecture: str) -> None:
    found = files(built, "runc", architecture)
    libraries = f"usr/lib/{TRIPLETS[architecture]}"
    programs = {path for path, entry in found.items() if entry.mode == 0o755 and entry.content.size}
    assert programs == {
        "usr/bin/runc",
        LOADERS[architecture].lstrip("/"),
        f"{libraries}/libc.so.6",
        f"{libraries}/libseccomp.so.2",
    }


def test_the_ssh_server_has_its_programs_and_users(built: Store) -> None:
    found = files(built, "sshd")
    for path in ("usr/sbin/dropbear", "usr/bin/dropbearkey", "usr/sbin/lkb-sshd"):
        assert found[path].mode == 0o755
    assert b"root:x:0:0:" in read(found["etc/passwd"].content)


@pytest.mark.parametrize("name", ["dhcp", "sshd", "web"])
def test_containers_carry_their_settings_as_a_label(built: Store, name: str) -> None:
    from lkboard.config.label import parse_label

    label = resolved(built, name, "arm64").config.label("org.mobyproject.config")
    assert label is not None
    assert parse_label(label, name).net == "host"


def test_the_dhcp_client_ends_after_its_lease_by_default(built: Store) -> None:
    assert resolved(built, "dhcp", "amd64").config.entrypoint == ("/sbin/dhcpcd", "-1")


# licences and provenance

PACKAGES_OF = {
    "kernel": {f"linux-image-{RELEASE}-arm64"},
    "init": {"busybox-static"},
    "runc": {"runc", "libc6", "libseccomp2"},
    "sshd": {
        "dropbear-bin",
        "libtomcrypt1",
        "libtommath1",
        "libgmp10",
        "libcrypt1",
        "zlib1g",
        "libc6",
        "busybox-static",
    },
}


@pytest.mark.parametrize(("name", "packages"), PACKAGES_OF.items())
def test_every_image_has_the_licence_of_every_package_in_it(built: Store, name: str, packages: set[str]) -> None:
    found = files(built, name)
    for package in packages:
        assert read(found[f"usr/share/doc/{package}/copyright"].content) == f"Licence of {package}\n".encode()


@pytest.mark.parametrize(("name", "packages"), PACKAGES_OF.items())
def test_every_image_lists_its_packages_for_machines(built: Store, name: str, packages: set[str]) -> None:
    annotations = json.loads(built.read(resolved(built, name, "arm64").manifest))["annotations"]
    listed = json.loads(annotations["org.lkboard.debian.packages"])
    assert {item["name"] for item in listed} == packages
    assert all(set(item) == {"name", "version", "sha256"} for item in listed)
    assert annotations["org.opencontainers.image.licenses"]


def sboms(store: Store, name: str, architecture: str) -> list[dict[str, Any]]:
    """Return the documents that a build finds for an image."""
    puller = Puller(store, RegistrySettings(offline=True), Job())
    image = puller.with_sboms(resolved(store, name, architecture))
    return [json.loads(store.read(statement))["predicate"] for statement in image.sboms]


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
@pytest.mark.parametrize("name", PACKAGES_OF)
def test_every_image_has_a_bill_of_its_packages(built: Store, name: str, architecture: str) -> None:
    (bill,) = sboms(built, name, architecture)
    whole, *parts = bill["packages"]
    annotations = json.loads(built.read(resolved(built, name, architecture).manifest))["annotations"]
    listed = json.loads(annotations["org.lkboard.debian.packages"])
    assert [(part["name"], part["versionInfo"], part["checksums"][0]["checksumValue"]) for part in parts] == [
        (item["name"], item["version"], item["sha256"]) for item in listed
    ]
    assert whole["licenseDeclared"] == annotations["org.opencontainers.image.licenses"]
    assert all(part["externalRefs"][0]["referenceLocator"].endswith(f"?arch={architecture}") for part in parts)


def test_the_licence_of_an_image_is_that_of_all_its_packages(built: Store) -> None:
    (bill,) = sboms(built, "sshd", "arm64")
    whole, *parts = bill["packages"]
    assert whole["licenseDeclared"] == (
        "MIT AND Unlicense AND (LGPL-3.0-or-later OR GPL-2.0-or-later) AND LGPL-2.1-or-later AND Zlib "
        "AND GPL-2.0-only AND Apache-2.0"
    )
    assert all(part["licenseDeclared"] in whole["licenseDeclared"] for part in parts)


# the same bytes


def test_two_builds_give_the_same_images(mirror: Mirror, tmp_path: Path) -> None:
    results = [build(Store(tmp_path / name), mirror, "amd64", "arm64").images for name in ("one", "other")]
    assert results[0] == results[1]


def test_nothing_unpacked_is_left_in_the_store(built: Store) -> None:
    assert list(built.derived_dir("packages").iterdir()) == []


def test_an_architecture_that_is_not_built_stays_in_the_index(store: Store, mirror: Mirror) -> None:
    both = build(store, mirror, "amd64", "arm64").images
    assert build(store, mirror, "amd64").images == both


def platforms(store: Store, name: str = "docker.io/lkboard/web:kit") -> list[str]:
    """Return what an index lists, in its order."""
    descriptor = store.find(name)
    assert descriptor is not None
    listed = json.loads(store.read(descriptor))["manifests"]
    return ["{os}/{architecture}".format(**one["platform"]) for one in listed]


def test_one_architecture_gives_an_index_of_one(store: Store, mirror: Mirror) -> None:
    build(store, mirror, "arm64")
    assert platforms(store) == ["linux/arm64", "unknown/unknown"]


def test_bills_are_listed_behind_all_images(built: Store) -> None:
    assert platforms(built) == ["linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"]


def test_an_image_that_is_built_again_has_only_its_new_bill(store: Store, moving: Mirror) -> None:
    build(store, moving, "amd64", "arm64")
    add_kernel(moving, "arm64", "6.1.0-10", "6.1.10-1")
    moving.publish()
    build(store, moving, "arm64")
    (kept,), (new,) = (sboms(store, "kernel", architecture) for architecture in ("amd64", "arm64"))
    assert [kept["packages"][1]["versionInfo"], new["packages"][1]["versionInfo"]] == ["6.1.9-1", "6.1.10-1"]
    assert len(platforms(store, "docker.io/lkboard/kernel:kit")) == 4


def test_the_store_lists_the_images_and_not_their_bills(built: Store) -> None:
    from lkboard.oci.store.inventory import list_images

    images = {image.name: image for image in list_images(built)}
    found = images["docker.io/lkboard/web:kit"].platforms
    assert [(one.platform, one.is_complete) for one in found] == [("linux/amd64", True), ("linux/arm64", True)]


def test_skopeo_copies_an_image_with_its_bills(built: Store, tmp_path: Path) -> None:
    need("skopeo")
    source = f"oci:{built.root}:docker.io/lkboard/web:kit"
    subprocess.run(["skopeo", "copy", "-q", "--all", source, f"oci:{tmp_path}/all:kit"], check=True)
    index = json.loads((tmp_path / "all/index.json").read_bytes())
    assert index["manifests"][0]["digest"] == built.names()["docker.io/lkboard/web:kit"].digest
    copy = ["skopeo", "copy", "-q", "--override-arch", "arm64", source, f"oci:{tmp_path}/one:kit"]
    subprocess.run(copy, check=True)
    (one,) = json.loads((tmp_path / "one/index.json").read_bytes())["manifests"]
    assert one["digest"] == resolved(built, "web", "arm64").manifest.digest


# the lock


@pytest.fixture
def moving(mirror: Mirror, tmp_path: Path) -> Mirror:
    """A mirror that a test may change."""
    return mirror.copy(tmp_path / "moving")


def test_a_locked_build_gives_the_same_images_without_a_network(store: Store, moving: Mirror, tmp_path: Path) -> None:
    lock = tmp_path / "kit.lock"
    first = build(store, moving, lock=lock)
    shutil.rmtree(moving.root)
    assert build(store, moving, lock=lock, locked=True).images == first.images


def test_a_locked_build_in_a_new_store_gives_the_same_images(store: Store, moving: Mirror, tmp_path: Path) -> None:
    lock = tmp_path / "kit.lock"
    first = build(store, moving, lock=lock)
    add_kernel(moving, "arm64", "6.1.0-10", "6.1.10-1")
    moving.publish()
    assert build(Store(tmp_path / "new"), moving, lock=lock, locked=True).images == first.images


def test_an_unlocked_build_takes_the_newest_and_records_it(store: Store, moving: Mirror, tmp_path: Path) -> None:
    lock = tmp_path / "kit.lock"
    build(store, moving, lock=lock)
    add_kernel(moving, "arm64", "6.1.0-10", "6.1.10-1")
    moving.publish()
    build(store, moving, lock=lock)
    (kernel,) = read_lock(lock, remake="").packages_of("linux-image-arm64", "arm64")
    assert (kernel.name, kernel.version) == ("linux-image-6.1.0-10-arm64", "6.1.10-1")
    assert read(files(store, "kernel")["kernel"].content) == b"kernel 6.1.0-10-arm64"


def test_a_lock_whose_version_differs_is_refused(store: Store, moving: Mirror, tmp_path: Path) -> None:
    lock = tmp_path / "kit.lock"
    build(store, moving, lock=lock)
    packages = read_lock(lock, remake="").packages
    edited = [
        replace(one, package=replace(one.package, version="1.0-2")) if one.wanted == "runc" else one for one in packages
    ]
    write_lock(lock, Lock(packages=tuple(edited)))
    with pytest.raises(BuildError, match=r"'runc' 1.0-2 is given the digest of 'runc' 1.0-1"):
        build(store, moving, lock=lock, locked=True)


def test_a_locked_version_that_left_the_mirror_is_refused(store: Store, moving: Mirror, tmp_path: Path) -> None:
    lock = tmp_path / "kit.lock"
    build(store, moving, lock=lock)
    moving.drop("runc")
    moving.publish()
    with pytest.raises(BuildError, match="runc"):
        build(Store(tmp_path / "new"), moving, lock=lock, locked=True)


def test_a_lock_without_an_architecture_names_what_is_missing(store: Store, moving: Mirror, tmp_path: Path) -> None:
    lock = tmp_path / "kit.lock"
    build(store, moving, "amd64", lock=lock)
    with pytest.raises(BuildError, match=r"the lock has no package '.*' for arm64") as caught:
        build(store, moving, "arm64", lock=lock, locked=True)
    assert caught.value.where == str(lock)


# failures


def test_a_package_without_an_expected_file_is_named(store: Store, moving: Mirror) -> None:
    moving.drop("runc")
    moving.add("runc", "1.0-2", {"usr/bin/other": b""}, architecture="arm64")
    moving.publish()
    with pytest.raises(BuildError, match=r"package 'runc 1.0-2' has no file 'usr/sbin/runc'"):
        build(store, moving)
    assert store.find("docker.io/lkboard/kernel:kit") is None


def test_a_kernel_package_without_a_kernel_is_refused(store: Store, moving: Mirror) -> None:
    name = f"linux-image-{RELEASE}-arm64"
    moving.drop(name)
    moving.add(name, "6.1.9-1", {"boot/config": b""}, architecture="arm64")
    moving.publish()
    with pytest.raises(BuildError, match="must have one kernel, this one has 0"):
        build(store, moving)


def test_a_kernel_package_without_modules_is_refused(store: Store, moving: Mirror) -> None:
    name = f"linux-image-{RELEASE}-arm64"
    moving.drop(name)
    moving.add(name, "6.1.9-1", {"boot/vmlinuz-1": b""}, architecture="arm64")
    moving.publish()
    with pytest.raises(BuildError, match=f"package '{name} 6.1.9-1' has no file '.*modules.builtin'"):
        build(store, moving)


def test_a_lock_in_a_folder_that_is_not_there_is_refused_before_the_work(
    store: Store, mirror: Mirror, tmp_path: Path, job: RecordingJob
) -> None:
    with pytest.raises(OutputError, match="no such folder") as caught:
        build(store, mirror, job=job, lock=tmp_path / "not there/kit.lock")
    assert caught.value.hint == f"mkdir -p '{tmp_path / 'not there'}'"
    assert job.events == []


def test_a_busybox_that_does_not_run_is_a_clear_error(store: Store, moving: Mirror) -> None:
    moving.drop("busybox-static")
    for architecture in ("amd64", "arm64"):
        moving.add("busybox-static", "9", {"bin/busybox": b"\x7fELF nonsense"}, architecture=architecture)
    moving.publish()
    with pytest.raises(BuildError, match="busybox does not run on this machine"):
        build(store, moving)


def test_a_stop_in_the_middle_names_no_image(store: Store, mirror: Mirror) -> None:
    job = Job(lambda event: job.cancel() if isinstance(event, Step) and "runc" in event.name else None)
    with pytest.raises(Cancelled):
        build(store, mirror, job=job)
    assert [name for name in store.names() if "kit" in name] == []
    assert list(store.derived_dir("packages").iterdir()) == []


# two at once


def test_two_builds_in_one_store_do_not_disturb_each_other(store: Store, mirror: Mirror) -> None:
    build(store, mirror)  # what the mirror has is in the store
    met = threading.Event()

    class Second(Job):
        def wait(self, seconds: float) -> None:
            met.set()
            super().wait(seconds)

    def build_second() -> KitResult:
        try:
            return build(store, mirror, job=Second())
        finally:
            met.set()

    with ThreadPoolExecutor(1) as pool:
        second: list[Future[KitResult]] = []

        def meet(event: Event) -> None:
            if isinstance(event, Step) and event.name.startswith("Make lkboard/kernel") and not second:
                second.append(pool.submit(build_second))
                assert met.wait(60)

        first = build(store, mirror, job=Job(meet))
        assert first.images == second[0].result().images
