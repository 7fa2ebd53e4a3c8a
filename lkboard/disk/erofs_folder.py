"""The content of a folder on an erofs volume (section "Directories" of Documentation/filesystems/erofs.rst in Linux).

Names are sorted as bytes over the whole folder, ``.`` and ``..`` among them: the kernel looks for them by halves. Each
block begins with the records of its names, which follow them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lkboard.disk.content import encode
from lkboard.disk.erofs_slots import BLOCK_SIZE
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.disk.tree import Node

_RECORD = struct.Struct("<QHBx")
"""Number of the inode, where in the block the name is, type."""

_TYPES = {
    Kind.FILE: 1,
    Kind.DIRECTORY: 2,
    Kind.CHAR: 3,
    Kind.BLOCK: 4,
    Kind.FIFO: 5,
    Kind.SYMLINK: 7,
}
_SELF, _PARENT = b".", b".."


def folder_size(folder: Node) -> int:
    """Return the size of a folder's content in bytes; the last block ends with its last name."""
    blocks = list(_blocks({_SELF, _PARENT, *map(encode, folder.names)}))
    return (len(blocks) - 1) * BLOCK_SIZE + _used(blocks[-1])


def folder_content(folder: Node, parent: Node) -> bytes:
    """Return a folder's content, once the inodes in it have their numbers."""
    nodes = {_SELF: folder, _PARENT: parent, **{encode(name): node for name, node in folder.names.items()}}
    blocks = [_block([(name, nodes[name]) for name in names]) for names in _blocks(nodes)]
    return b"".join(block.ljust(BLOCK_SIZE, b"\0") for block in blocks[:-1]) + blocks[-1]


def _blocks(names: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the names of each block."""
    block: list[bytes] = []
    used = 0
    for name in sorted(names):
        size = _RECORD.size + len(name)
        if used + size > BLOCK_SIZE:
            yield block
            block, used = [], 0
        block.append(name)
        used += size
    yield block


def _used(names: list[bytes]) -> int:
    return sum(_RECORD.size + len(name) for name in names)


def _block(rows: list[tuple[bytes, Node]]) -> bytes:
    records = bytearray()
    place = _RECORD.size * len(rows)
    for name, node in rows:
        records += _RECORD.pack(node.serial, place, _TYPES[node.entry.kind])
        place += len(name)
    return bytes(records) + b"".join(name for name, _node in rows)
