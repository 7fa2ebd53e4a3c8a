from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from support.images import Member, directory, file, hardlink, image, layer, symlink, tar
from support.stored import assembled, by_path

from lkboard.disk.content import read
from lkboard.errors import ConfigError, LayerInvalid
from lkboard.model.rootfs import EPOCH, Entry, Kind
from lkboard.rootfs.kernel import with_plain_kernel

if TYPE_CHECKING:
    from pathlib import Path

MODULES = tar(
    directory("./"),
    directory("./lib", mtime=5),
    directory("./lib/modules"),
    file("./lib/modules/a.ko", b"module", uid=3),
    hardlink("./lib/modules/b.ko", "./lib/modules/a.ko"),
    symlink("./lib/modules/build", "/usr/src/linux"),
)
KERNEL = (
    file("kernel", b"kernel", 0o755, uid=9),
    file("kernel.tar", MODULES),
    file("intel-ucode.cpio", b"ucode", 0o600),
)


def root(folder: Path, *members: Member, options: str = "") -> dict[str, Entry]:
    config = f"kernel: {{image: 'lab/kernel:v1', cmdline: 'console=ttyS0 quiet', {options}}}"
    images = {"lab/kernel:v1": image(layer(*members))}
    return by_path(assembled(folder, config, images))


def test_kernel_command_line_and_modules(tmp_path: Path) -> None:
    found = root(tmp_path, *KERNEL, file("System.map"), directory("boot"), file("boot/other"))
    assert list(found) == [
        ".",
        "boot",
        "boot/cmdline",
        "boot/kernel",
        "lib",
        "lib/modules",
        "lib/modules/a.ko",
        "lib/modules/b.ko",
        "lib/modules/build",
    ]
    kernel, cmdline = found["boot/kernel"], found["boot/cmdline"]
    assert (read(kernel.content), kernel.mode, kernel.uid, kernel.mtime_ns) == (b"kernel", 0o755, 0, EPOCH * 10**9)
    assert (read(cmdline.content), cmdline.mode) == (b"console=ttyS0 quiet", 0o644)
    assert (found["lib"].mtime_ns, found["lib/modules/a.ko"].uid) == (5_000_000_000, 3)
    assert (found["lib/modules/b.ko"].kind, found["lib/modules/b.ko"].link) == (Kind.HARDLINK, "lib/modules/a.ko")
    assert {(entry.origin.source, entry.origin.location) for entry in found.values()} == {
        ("docker.io/lab/kernel:v1", "kernel")
    }


def test_microcode_keeps_its_mode(tmp_path: Path) -> None:
    microcode = root(tmp_path, *KERNEL, options="ucode: intel-ucode.cpio")["boot/ucode.cpio"]
    assert (read(microcode.content), microcode.mode) == (b"ucode", 0o600)


def test_microcode_that_is_not_in_the_image_is_no_error(tmp_path: Path) -> None:
    assert "boot/ucode.cpio" not in root(tmp_path, *KERNEL, options="ucode: none.cpio")


@pytest.mark.parametrize("tar_name", ["none", ""])
def test_a_kernel_without_modules(tar_name: str, tmp_path: Path) -> None:
    found = root(tmp_path, file("kernel", b"k"), options=f"tar: '{tar_name}'")
    assert list(found) == ["boot", "boot/cmdline", "boot/kernel"]


def test_files_of_other_names_in_directories(tmp_path: Path) -> None:
    found = root(
        tmp_path,
        file("boot/vmlinuz", b"k"),
        file("mods/m.tar", MODULES),
        options="binary: boot/vmlinuz, tar: /mods/m.tar",
    )
    assert read(found["boot/kernel"].content) == b"k"
    assert "lib/modules/a.ko" in found


def test_an_empty_name_is_the_usual_one(tmp_path: Path) -> None:
    assert read(root(tmp_path, *KERNEL, options="binary: ''")["boot/kernel"].content) == b"kernel"


def test_the_upper_of_two_layers_counts(tmp_path: Path) -> None:
    images = {"lab/kernel:v1": image(layer(file("kernel", b"old")), layer(file("kernel", b"new")))}
    found = by_path(assembled(tmp_path, "kernel: {image: 'lab/kernel:v1', tar: none}", images))
    assert read(found["boot/kernel"].content) == b"new"


@pytest.mark.parametrize(
    ("members", "options", "message"),
    [
        (
            [file("vmlinuz"), file("kernel.tar")],
            "",
            "test.yml:1:9: kernel.binary: the kernel image 'docker.io/lab/kernel:v1' has no file 'kernel' (it has",
        ),
        ([file("kernel")], "", "kernel.tar: the kernel image 'docker.io/lab/kernel:v1' has no file 'kernel.tar'"),
        ([file("kernel")], "", "or write tar: none"),
        ([directory("kernel")], "tar: none", "has no file 'kernel'"),
        ([file(f"f{number}") for number in range(12)], "tar: none", "f7, …)"),
        ([file("kernel")], "binary: ../kernel, tar: none", "has no file '../kernel'"),
    ],
)
def test_a_file_that_is_missing_is_named(members: list[Member], options: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        root(tmp_path, *members, options=options)
    assert message in str(caught.value)


@pytest.mark.parametrize("data", [b"text " * 200, gzip.compress(MODULES)])
def test_modules_that_are_no_plain_tar_are_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(LayerInvalid) as caught:
        root(tmp_path, file("kernel"), file("kernel.tar", data))
    assert caught.value.where == "docker.io/lab/kernel:v1, kernel.tar"
    assert caught.value.hint


def test_modules_that_leave_the_root_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerInvalid, match=r"'\.\./up' leaves the root"):
        root(tmp_path, file("kernel"), file("kernel.tar", tar(file("../up"))))


def test_a_sparse_file_of_modules_is_read(tmp_path: Path) -> None:
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "kernel.tar"}
    map_ = f"1\n0\n{len(MODULES)}\n".encode().ljust(512, b"\0")
    sparse = Member("k", data=map_ + MODULES, pax=(*records.items(), ("GNU.sparse.realsize", str(len(MODULES) + 5000))))
    assert "lib/modules/a.ko" in root(tmp_path, file("kernel"), sparse)


def test_a_sparse_file_of_modules_beyond_measure_is_refused(tmp_path: Path) -> None:
    records = (("GNU.sparse.map", "0,1024"), ("GNU.sparse.size", str(65 << 20)), ("GNU.sparse.name", "kernel.tar"))
    with pytest.raises(LayerInvalid, match="a sparse archive may have 64 MiB") as caught:
        root(tmp_path, file("kernel"), Member("k", data=bytes(1024), pax=records))
    assert caught.value.where == "docker.io/lab/kernel:v1, kernel.tar"


def test_the_kernel_is_unwrapped_on_request(tmp_path: Path) -> None:
    packed = gzip.compress(b"plain kernel")
    images = {"lab/kernel:v1": image(layer(file("kernel", packed), file("kernel.tar", MODULES)))}
    rootfs = assembled(tmp_path, "kernel: {image: 'lab/kernel:v1'}", images)
    before, after = by_path(rootfs), by_path(with_plain_kernel(rootfs))
    assert read(before["boot/kernel"].content) == packed
    assert read(after["boot/kernel"].content) == b"plain kernel"
    del before["boot/kernel"], after["boot/kernel"]
    assert after == before


def test_a_kernel_of_the_configs_own_files_stays_as_it_is(tmp_path: Path) -> None:
    own = "files: [{path: boot/kernel, contents: '\\x1f\\x8b'}]"
    images = {"lab/kernel:v1": image(layer(file("kernel", gzip.compress(b"plain")), file("kernel.tar", MODULES)))}
    rootfs = assembled(tmp_path, f"kernel: {{image: 'lab/kernel:v1'}}\n{own}", images)
    assert read(by_path(with_plain_kernel(rootfs))["boot/kernel"].content) == b"\\x1f\\x8b"


def test_without_a_kernel_there_is_no_boot(tmp_path: Path) -> None:
    rootfs = assembled(tmp_path, "kernel: {cmdline: x}", {})
    assert rootfs.entries == ()
