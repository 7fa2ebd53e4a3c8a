"""The inodes of an erofs volume, in their long form (struct erofs_inode_extended, fs/erofs/erofs_fs.h in Linux).

Behind an inode are its extended attributes and the end of its content, the part that fills no block, if all of it fits
into one. Otherwise the end is where the rest is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lkboard.disk.erofs_attributes import area_of, unit_count
from lkboard.disk.erofs_slots import BLOCK_SIZE
from lkboard.disk.inodes import mode_of
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from lkboard.disk.tree import Node

_INODE = struct.Struct("<HHH2xQIIIIqII16x")
"""Form and layout, size of the extended attributes, mode, size, place or device, number, owner, group, time in seconds
and nanoseconds, links."""

_LONG_FORM = 1
_END_IS_INLINE = 2 << 1
_NO_PLACE = 0xFFFFFFFF
_NUMBER_MASK = 0xFFFFFFFF
_SECOND = 1_000_000_000
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1


def inline_size(node: Node) -> int:
    """Return how many bytes of the content stand behind the inode. Raises `BuildError` as `area_of` does."""
    end = node.size % BLOCK_SIZE
    room = -_head_size(node) % BLOCK_SIZE
    return end if end <= room else 0


def inode_size(node: Node) -> int:
    """Return the size of an inode with all that stands behind it. Raises `BuildError` as `area_of` does."""
    return _head_size(node) + inline_size(node)


def inode_head(node: Node) -> bytes:
    """Return an inode that has its place with its extended attributes. Raises `BuildError` as `area_of` does."""
    entry, attributes = node.entry, area_of(node.entry)
    seconds, nanoseconds = divmod(entry.mtime_ns, _SECOND)
    fixed = _INODE.pack(
        *(_LONG_FORM | (_END_IS_INLINE if inline_size(node) else 0), unit_count(attributes), mode_of(entry)),
        *(node.size, _place(node), node.serial & _NUMBER_MASK, entry.uid, entry.gid),
        *(min(max(seconds, _EARLIEST), _LATEST), nanoseconds, node.links),
    )
    return fixed + attributes


def _head_size(node: Node) -> int:
    return _INODE.size + len(area_of(node.entry))


def _place(node: Node) -> int:
    """Return the device (new_encode_dev in include/linux/kdev_t.h), or the first block of the content."""
    if node.entry.kind in {Kind.CHAR, Kind.BLOCK}:
        major, minor = node.entry.device
        return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12
    return node.block or _NO_PLACE
