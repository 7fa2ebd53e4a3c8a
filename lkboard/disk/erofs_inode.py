"""The inodes of an erofs volume, in their long form (struct erofs_inode_extended, fs/erofs/erofs_fs.h in Linux).

Behind an inode are its extended attributes and the end of its content, the part that fills no block, if all of it fits
into one. Otherwise the end is where the rest is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Inode:
    """An inode: its file, the area of its extended attributes, how many bytes of the content stand behind that."""

    node: Node
    attributes: bytes
    inline_size: int

    @property
    def size(self) -> int:
        """Length in bytes with all that stands behind it."""
        return _INODE.size + len(self.attributes) + self.inline_size

    @property
    def blocks_size(self) -> int:
        """How many bytes of the content are in blocks of their own."""
        return self.node.size - self.inline_size

    def head(self) -> bytes:
        """Return what is in front of the content, once inode and content have their places."""
        node, entry = self.node, self.node.entry
        seconds, nanoseconds = divmod(entry.mtime_ns, _SECOND)
        fixed = _INODE.pack(
            *(_LONG_FORM | (_END_IS_INLINE if self.inline_size else 0), unit_count(self.attributes), mode_of(entry)),
            *(node.size, _place(node), node.serial & _NUMBER_MASK, entry.uid, entry.gid),
            *(min(max(seconds, _EARLIEST), _LATEST), nanoseconds, node.links),
        )
        return fixed + self.attributes


def inode_of(node: Node) -> Inode:
    """Return the inode of a file whose size is known. Raises `BuildError` as `area_of` does."""
    attributes = area_of(node.entry)
    end, room = node.size % BLOCK_SIZE, -(_INODE.size + len(attributes)) % BLOCK_SIZE
    return Inode(node, attributes, end if end <= room else 0)


def _place(node: Node) -> int:
    """Return the device (new_encode_dev in include/linux/kdev_t.h), or the first block of the content."""
    if node.entry.kind in {Kind.CHAR, Kind.BLOCK}:
        major, minor = node.entry.device
        return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12
    return node.block or _NO_PLACE
