"""What must hold for every format, as other programs see it: microcode, command line, sizes."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.artifacts import BOARDS, DISKS, disk_size, made, parts
from support.jobs import RecordingJob
from support.layouts import MIB
from support.newc import members
from support.roots import DISK_SIZE, build_input, rootfs
from support.tools import need

from lkboard.errors import TooSmall
from lkboard.formats import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput

MICROCODE = b"070701" + b"microcode" * 100
CMDLINE = "quiet lkb.test=1 console=ttyS0"
WITHOUT_INITRD = ["kernel+erofs", "kernel+iso", "kernel+squashfs"]
AS_A_FILE = {"docker": "boot/ucode.cpio", "tar": "boot/ucode.cpio", "tar-kernel-initrd": "ucode.cpio"}
IN_FRONT = sorted({*catalogue()} - {*WITHOUT_INITRD, *AS_A_FILE})
SIZED_BY_CONTENT = ["raw-bios", "raw-efi", "sdcard", "qcow2-efi"]
UNIFIED = ["raw-efi", "qcow2-efi", "iso-efi", "iso-efi-initrd"]


def build(name: str, tmp_path: Path, *, kernel: bytes = b"kernel", size_bytes: int = DISK_SIZE) -> BuildInput:
    """Return a small system for a format; a test that needs a program for the format is skipped without it."""
    if name == "kernel+squashfs":
        need("mksquashfs")
    root = rootfs(kernel=kernel, cmdline=CMDLINE, microcode=MICROCODE)
    return replace(build_input(tmp_path / "cache", root, BOARDS.get(name)), size_bytes=size_bytes)


def initrd_in(found: dict[str, bytes]) -> bytes:
    (initrd,) = [data for path, data in found.items() if path.endswith(("initrd.img", ".initrd"))]
    return initrd


def test_no_format_is_forgotten() -> None:
    with_a_disk = {name for name, found in catalogue().items() if found.boards is not None}
    assert {*DISKS} == with_a_disk - {"iso-bios", "iso-efi", "iso-efi-initrd", "uki"}
    assert {*BOARDS} == with_a_disk
    assert {*DISKS} == {name for name, found in catalogue().items() if found.is_disk}


class TestMicrocode:
    @pytest.mark.parametrize("name", IN_FRONT)
    def test_it_is_in_front_of_the_initrd(self, name: str, tmp_path: Path) -> None:
        initrd = initrd_in(parts(name, build(name, tmp_path), tmp_path))
        assert initrd.startswith(MICROCODE)
        assert "bin/sh" in [member.name for member in members(gzip.decompress(initrd.removeprefix(MICROCODE)))]

    @pytest.mark.parametrize("name", AS_A_FILE)
    def test_it_is_a_file_of_its_own(self, name: str, tmp_path: Path) -> None:
        assert parts(name, build(name, tmp_path), tmp_path)[AS_A_FILE[name]] == MICROCODE

    @pytest.mark.parametrize("name", UNIFIED)
    def test_it_is_in_front_of_the_initrd_of_a_unified_kernel(self, name: str, tmp_path: Path) -> None:
        found = parts(name, replace(build(name, tmp_path), is_unified=True), tmp_path)
        assert MICROCODE in found["EFI/BOOT/BOOTX64.EFI"]

    @pytest.mark.parametrize("name", WITHOUT_INITRD)
    def test_a_format_without_an_initrd_says_that_it_is_left_out(self, name: str, tmp_path: Path) -> None:
        given = build(name, tmp_path)
        assert isinstance(given.job, RecordingJob)
        made(name, given, tmp_path)
        assert given.job.notes == ["microcode is left out: there is no initrd that could carry it"]

    @pytest.mark.parametrize("name", WITHOUT_INITRD)
    def test_there_is_nothing_to_say_without_it(self, name: str, tmp_path: Path) -> None:
        given = replace(build(name, tmp_path), rootfs=rootfs())
        assert isinstance(given.job, RecordingJob)
        made(name, given, tmp_path)
        assert given.job.notes == []


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_the_command_line_of_the_config_is_honoured(name: str, tmp_path: Path) -> None:
    found = parts(name, build(name, tmp_path), tmp_path)
    assert [path for path, data in found.items() if len(data) < 4096 and CMDLINE.encode() in data]


@pytest.mark.parametrize("name", DISKS)
class TestSizes:
    def test_a_size_that_is_given_is_that_of_the_disk(self, name: str, tmp_path: Path) -> None:
        assert disk_size(name, build(name, tmp_path), tmp_path) == DISK_SIZE

    def test_one_that_is_too_small_names_the_one_that_is_needed(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(TooSmall) as caught:
            made(name, build(name, tmp_path, size_bytes=2 * MIB), tmp_path)
        needed = caught.value.needed
        assert f"the disk needs {needed // MIB} MiB, it is given 2 MiB (give it more: --size {needed // MIB}M)" in str(
            caught.value
        )
        assert disk_size(name, build(name, tmp_path, size_bytes=needed), tmp_path) == needed

    def test_what_is_needed_follows_the_content(self, name: str, tmp_path: Path) -> None:
        needed = []
        for size in (40 * MIB, 80 * MIB):  # FAT32 has 33 MiB at least
            kernel = b"kernel. " * (size // 8)
            with pytest.raises(TooSmall) as caught:
                made(name, build(name, tmp_path, kernel=kernel, size_bytes=MIB), tmp_path)
            needed.append(caught.value.needed)
        assert 40 * MIB <= needed[1] - needed[0] <= 42 * MIB


@pytest.mark.parametrize("name", SIZED_BY_CONTENT)
def test_a_disk_is_as_large_as_its_content_needs(name: str, tmp_path: Path) -> None:
    with pytest.raises(TooSmall) as caught:
        made(name, build(name, tmp_path, size_bytes=MIB), tmp_path)
    assert disk_size(name, build(name, tmp_path, size_bytes=0), tmp_path) == caught.value.needed
