"""The superblock of erofs, by known sums and as dump.erofs reads it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from support.entries import file, folder
from support.erofs import BLOCK, check, dumped
from support.plans import save

from lkboard.disk import erofs
from lkboard.disk.erofs_superblock import crc32c, superblock

if TYPE_CHECKING:
    from pathlib import Path

INVERTED = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "crc"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_sums_are_those_of_the_standard(data: bytes, crc: int) -> None:
    """RFC 3720, appendix B.4."""
    assert crc32c(data) ^ INVERTED == crc


def test_the_sum_is_over_the_rest_of_the_block() -> None:
    made = superblock(root=7, inodes=1, blocks=2, epoch=3, identity=b"i" * 16)
    (sum_,) = struct.unpack_from("<I", made, 4)
    assert len(made) == 128
    assert crc32c((made[:4] + bytes(4) + made[8:]).ljust(BLOCK - 1024, b"\0")) == sum_


def test_another_program_reads_it(tmp_path: Path) -> None:
    path = save(erofs.plan([folder("a"), file("a/b")], epoch=1_700_000_000), tmp_path / "image")
    check(path)
    said = {line.partition(":")[0]: line.partition(":")[2].strip() for line in dumped(path, "-s").splitlines()}
    assert said["Filesystem created"] == "Tue Nov 14 22:13:20 2023"
    assert said["Filesystem inode count"] == "3"
    assert said["Filesystem features"] == "sb_csum mtime"
    assert int(said["Filesystem blocks"]) * BLOCK == path.stat().st_size


def test_what_is_in_front_of_it_is_left_free() -> None:
    assert erofs.plan([], epoch=0).extents[0].offset == 1024
