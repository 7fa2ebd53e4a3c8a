"""The records of a folder on an ISO 9660 volume (ECMA-119, sections 6.8.1 and 9.1), with Rock Ridge behind them."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, NamedTuple

from lkboard.disk import rock_ridge
from lkboard.disk.content import encode
from lkboard.disk.rock_ridge import both
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.disk.iso_tree import Folder
    from lkboard.disk.tree import Node

BLOCK_SIZE = 2048
_RECORD = "<BB8s8s7sBBB4sB"
"""Length, that of extended attributes, place, size, time, flags, unit, gap, number of the volume, length of what it is
identified by."""

_SELF, _PARENT = b"\0", b"\1"
_IS_FOLDER = 2
_VOLUME_NUMBER = b"\1\0\0\1"
_RECORD_MAX = 254
_SECOND = 1_000_000_000
_LATEST = (1 << 32) - 1


class FolderArea(NamedTuple):
    """What is written for a folder, both in whole blocks: its records, and right behind them what goes on there."""

    records: bytes
    more: bytes


def record(node: Node, identifier: bytes, system_use: bytes = b"") -> bytes:
    """Return the record of a file."""
    size = struct.calcsize(_RECORD) + len(identifier)
    size += size % 2
    fixed = struct.pack(
        _RECORD,
        *(size + len(system_use) + len(system_use) % 2, 0, both(node.block), both(node.size)),
        *(_date(node.entry.mtime_ns), _IS_FOLDER if node.is_folder else 0, 0, 0, _VOLUME_NUMBER, len(identifier)),
    )
    return _even(fixed + identifier) + _even(system_use)


def folder_area(folder: Folder) -> FolderArea:
    """Return the records of a folder; how long they are does not depend on the places and sizes of files."""
    itself, parent = folder.node, folder.parent
    writer = _Writer(itself.block + itself.size // BLOCK_SIZE)
    own = _attributes(itself)
    writer.add(itself, _SELF, [rock_ridge.START, *own, rock_ridge.extension()] if itself is parent else own)
    writer.add(parent, _PARENT, _attributes(parent))
    for identifier, name, node in folder.rows:
        target = rock_ridge.target(encode(node.entry.link)) if node.entry.kind is Kind.SYMLINK else []
        writer.add(node, identifier, [*_attributes(node), *rock_ridge.name(encode(name)), *target])
    return writer.finish()


class _Writer:
    """Joins records; neither they nor what goes on behind them crosses the end of a block."""

    def __init__(self, more_block: int) -> None:
        self._more_block = more_block
        self._records = bytearray()
        self._more = bytearray()

    def add(self, node: Node, identifier: bytes, entries: Sequence[bytes]) -> None:
        """Add the record of a file with its Rock Ridge entries."""
        room = _RECORD_MAX - len(record(node, identifier))
        system_use, rest = rock_ridge.split(entries, room)
        made = record(node, identifier, system_use + self._go_on(rest) if rest else system_use)
        if len(self._records) % BLOCK_SIZE + len(made) > BLOCK_SIZE:
            _fill(self._records)
        self._records += made

    def finish(self) -> FolderArea:
        """Return all that was added."""
        _fill(self._records)
        _fill(self._more)
        return FolderArea(bytes(self._records), bytes(self._more))

    def _go_on(self, entries: Sequence[bytes]) -> bytes:
        """Put entries behind the records and return the one that leads there."""
        if len(self._more) % BLOCK_SIZE + sum(map(len, entries)) > BLOCK_SIZE:
            _fill(self._more)
        start = len(self._more)
        piece, rest = rock_ridge.split(entries, BLOCK_SIZE)
        self._more += piece + bytes(rock_ridge.CONTINUATION_SIZE if rest else 0)
        end = len(self._more)
        if rest:
            self._more[end - rock_ridge.CONTINUATION_SIZE : end] = self._go_on(rest)
        block, offset = divmod(start, BLOCK_SIZE)
        return rock_ridge.continuation(self._more_block + block, offset, end - start)


def _attributes(node: Node) -> list[bytes]:
    return rock_ridge.attributes(node.entry, links=node.links, serial=node.serial)


def _date(mtime_ns: int) -> bytes:
    """Return a time as seven bytes, in UTC (section 9.1.5)."""
    when = time.gmtime(min(max(mtime_ns // _SECOND, 0), _LATEST))
    return bytes((when.tm_year - 1900, *when[1:6], 0))


def _even(piece: bytes) -> bytes:
    return piece + bytes(len(piece) % 2)


def _fill(area: bytearray) -> None:
    area.extend(bytes(-len(area) % BLOCK_SIZE))
