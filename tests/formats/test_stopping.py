"""No format reads much without looking whether it is to stop."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.entries import file
from support.jobs import RecordingJob
from support.roots import bios_board, build_input, card_board, efi_board, rootfs
from support.tools import need

from lkboard.formats import catalogue
from lkboard.model.disk import BootFile
from lkboard.model.extents import Content, FileSpan
from lkboard.model.rootfs import Rootfs, Segment

if TYPE_CHECKING:
    from lkboard.formats.format import BuildInput

MIB = 1 << 20
SIZE = 48 * MIB
BOARDS = {
    "sdcard": card_board(),
    **dict.fromkeys(("raw-bios", "iso-bios", "qcow2-bios", "aws", "vhd", "dynamic-vhd", "vmdk", "gcp"), bios_board()),
    **dict.fromkeys(("raw-efi", "qcow2-efi", "iso-efi", "iso-efi-initrd"), efi_board()),
}


class WatchfulJob(RecordingJob):
    """Knows how many bytes a thread of this process has read at most between two looks."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0
        self._before: dict[int, int] = {}
        self.check()

    def check(self) -> None:
        thread, now = threading.get_native_id(), self._read_bytes()
        self.longest = max(self.longest, now - self._before.get(thread, now))
        self._before[thread] = now
        super().check()

    @staticmethod
    def _read_bytes() -> int:
        lines = Path("/proc/thread-self/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["rchar"])


@pytest.fixture
def large(tmp_path: Path) -> Content:
    path = tmp_path / "large"
    path.write_bytes(b"0123456789abcdef" * (SIZE // 16))
    return Content((FileSpan(str(path), 0, SIZE),))


def longest_stretch(name: str, build: BuildInput) -> int:
    catalogue()[name].plan(build)  # the first time, modules are imported and segments compressed
    job = WatchfulJob()
    catalogue()[name].plan(replace(build, job=job))
    job.check()
    return job.longest


@pytest.mark.parametrize("name", BOARDS)
def test_a_disk_with_a_large_file_can_be_stopped_while_it_is_read(name: str, large: Content, tmp_path: Path) -> None:
    build = build_input(tmp_path / "cache", rootfs(), BOARDS[name])
    build = replace(build, board_files=(*build.board_files, BootFile("large.bin", large)))
    assert longest_stretch(name, build) < 32 * MIB


@pytest.mark.parametrize("name", ["kernel+initrd", "kernel+iso", "kernel+erofs", "kernel+squashfs"])
def test_a_root_with_a_large_file_can_be_stopped_while_it_is_read(name: str, large: Content, tmp_path: Path) -> None:
    if name == "kernel+squashfs":
        need("mksquashfs")
    root = Rootfs((Segment("all", (replace(file("large"), content=large),)),))
    assert longest_stretch(name, build_input(tmp_path / "cache", root)) < 32 * MIB
