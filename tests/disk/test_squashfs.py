"""The time of the root is read back with unsquashfs in the tests of the format; here is what cannot be used."""

from __future__ import annotations

import io
import struct

import pytest

from lkboard.disk.squashfs import set_root_time
from lkboard.errors import BuildError


def file_system(inodes: bytes, *, reference: int = 0, magic: bytes = b"hsqs") -> bytearray:
    """Return a superblock and, right behind it, a table of inodes."""
    superblock = bytearray(96)
    superblock[:4] = magic
    struct.pack_into("<Q", superblock, 32, reference)
    struct.pack_into("<Q", superblock, 64, 96)
    return superblock + inodes


def block(size: int) -> bytes:
    return struct.pack("<H", 0x8000 | size) + bytes(size)


@pytest.mark.parametrize(
    ("reference", "changed"),
    [
        (0, [106, 107, 108, 109]),
        (12, [118, 119, 120, 121]),
        (21, [127, 130, 131, 132]),  # across the end of the first block
        (24, [132, 133, 134, 135]),  # the time alone is in the second
        (32 << 16, [138, 139, 140, 141]),
    ],
)
def test_the_four_bytes_of_the_time_are_set(reference: int, changed: list[int]) -> None:
    before = file_system(block(30) + block(30), reference=reference)
    file = io.BytesIO(before)
    set_root_time(file, 0x04030201)
    after = file.getvalue()
    assert [at for at in range(len(before)) if after[at] != before[at]] == changed
    assert [after[at] for at in changed] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "made something else"),
        (file_system(block(30))[:90], "made something else"),
        (file_system(block(30), magic=b"sqsh"), "made something else"),
        (file_system(struct.pack("<H", 30) + bytes(30)), "compressed the inodes"),
    ],
)
def test_what_it_cannot_be_set_in(data: bytes, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        set_root_time(io.BytesIO(data), 0)
