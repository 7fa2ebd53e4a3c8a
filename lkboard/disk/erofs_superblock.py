"""The superblock of an erofs volume (struct erofs_super_block, fs/erofs/erofs_fs.h in Linux)."""

from __future__ import annotations

import struct

from lkboard.disk.erofs_slots import BLOCK_SIZE

SUPERBLOCK_AT = 1024
"""Where it is; what is in front of it belongs to boot code."""

_SUPERBLOCK = struct.Struct("<IIIBxHQq4xI8x16s64x")
"""Magic number, checksum, features that readers may ignore, bits of a block, number of the root, inodes, time of making
in seconds, blocks, identity. Zero are: features that readers must know, the first blocks of inodes and of shared
attributes (inodes are numbered from the beginning of the volume), the name."""

_MAGIC = 0xE0F5E1E2
_HAS_CHECKSUM, _TIMES_ARE_MTIMES = 1, 2
_POLYNOMIAL = 0x82F63B78


def superblock(*, root: int, inodes: int, blocks: int, epoch: int, identity: bytes) -> bytes:
    """Return the superblock. ``root`` is the number of the root's inode, ``identity`` the 16 bytes of a UUID."""

    def packed(checksum: int) -> bytes:
        features = _HAS_CHECKSUM | _TIMES_ARE_MTIMES
        bits = BLOCK_SIZE.bit_length() - 1
        return _SUPERBLOCK.pack(_MAGIC, checksum, features, bits, root, inodes, epoch, blocks, identity)

    return packed(crc32c(packed(0).ljust(BLOCK_SIZE - SUPERBLOCK_AT, b"\0")))


def crc32c(data: bytes) -> int:
    """Return the sum of Castagnoli (RFC 3720, section 12.1) as erofs has it: not inverted at the end."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc
