"""The root directory of a squashfs 4.0 file system (Linux, Documentation/filesystems/squashfs.rst).

mksquashfs gives it the time of the clock when it reads an archive, whatever its options say.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"hsqs"
_ROOT_AT, _INODES_AT = 32, 64
"""Where the superblock has the reference of the root's inode, and the place of the table of inodes."""

_SUPERBLOCK_SIZE = 96
_IS_PLAIN = 0x8000
_TIME_AT = 8
"""Where an inode has its time of modification."""


def set_root_time(file: BinaryIO, seconds: int) -> None:
    """Set the time of the root directory, in Unix seconds, in a file system whose inodes are not compressed.

    Raises `BuildError` when it is none.
    """
    file.seek(0)
    superblock = file.read(_SUPERBLOCK_SIZE)
    if len(superblock) < _SUPERBLOCK_SIZE or not superblock.startswith(_MAGIC):
        raise BuildError("the program that makes squashfs made something else")
    (reference,) = struct.unpack_from("<Q", superblock, _ROOT_AT)
    (table,) = struct.unpack_from("<Q", superblock, _INODES_AT)
    places = _places(file, table + (reference >> 16), (reference & 0xFFFF) + _TIME_AT)
    for byte, place in zip(struct.pack("<I", seconds), places, strict=False):
        file.seek(place)
        file.write(bytes([byte]))


def _places(file: BinaryIO, block: int, offset: int) -> Iterator[int]:
    """Yield where in the file the bytes of the table are from an offset of a block on, which may be in the next."""
    while True:
        file.seek(block)
        (header,) = struct.unpack("<H", file.read(2))
        if not header & _IS_PLAIN:
            raise BuildError("the program that makes squashfs compressed the inodes")
        size = header & ~_IS_PLAIN
        for place in range(offset, size):
            yield block + 2 + place
        block, offset = block + 2 + size, max(offset - size, 0)
