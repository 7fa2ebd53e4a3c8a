"""Virtual hard disks as Azure, Hyper-V and VirtualBox take them, of fixed and of dynamic size.

Source: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0. All numbers are big-endian.
"""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING

from lkboard.disk import ids
from lkboard.disk.blocks import data_extents, used_blocks
from lkboard.disk.window import cut
from lkboard.errors import BuildError
from lkboard.model.disk import SECTOR_SIZE
from lkboard.model.extents import Extent, ExtentMap, Inline
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNIT = 1 << 20
"""Azure takes disks of whole MiB only."""

BLOCK = 2 << 20
"""What a dynamic disk allocates at once; each block has a bitmap of its sectors in front of it."""

_FOOTER = ">8sIIQI4sI4sQQHBBII16sB427x"
"""Cookie, features, version, offset of the dynamic header, time, creator, its version and host, original and current
size, cylinders, heads, sectors, type, checksum, id, saved state."""
_FOOTER_SIZE = struct.calcsize(_FOOTER)
_DYNAMIC_HEADER = ">8sQQIIII16sII512s192s256x"
"""Cookie, next header, offset of the block table, version, entries, block size, checksum, then the parent (id, time,
reserved, name, places)."""
_FEATURES = 2
_VERSION = 0x00010000
# readers take the size in bytes as it is from this creator only; from others, what cylinders and heads make of it
_CREATOR, _CREATOR_VERSION, _CREATOR_HOST = b"win ", 0x000A0000, b"Wi2k"
_FIXED, _DYNAMIC = 2, 3
_NONE = (1 << 64) - 1
_UNUSED = 0xFFFFFFFF
_YEAR_2000 = 946_684_800
_SIZE_LIMIT = 2040 << 30
_BITMAP_SIZE = BLOCK // SECTOR_SIZE // 8


def plan_fixed(extents: ExtentMap, *, epoch: int = EPOCH, on_chunk: Callable[[], None] = lambda: None) -> ExtentMap:
    """Return the disk followed by a footer. Its size is rounded up to whole MiB.

    ``epoch`` is the time it bears, in Unix seconds. The disk is read for its identity: ``on_chunk`` is called at least
    for every MiB. Raises `BuildError` above 2040 GiB, the most that a VHD holds, and what ``on_chunk`` raises.
    """
    size = _disk_size(extents)
    footer = _footer(size, _FIXED, _NONE, _identity(extents, on_chunk), epoch)
    return ExtentMap((*extents.extents, Extent(size, Inline(footer))), size + _FOOTER_SIZE)


def plan_dynamic(extents: ExtentMap, *, epoch: int = EPOCH, on_chunk: Callable[[], None] = lambda: None) -> ExtentMap:
    """Return a file that holds only those blocks of the disk that have data; otherwise as `plan_fixed`."""
    size = _disk_size(extents)
    footer = _footer(size, _DYNAMIC, _FOOTER_SIZE, _identity(extents, on_chunk), epoch)
    data = data_extents(extents)
    used = [block for run in used_blocks(data, BLOCK) for block in run]
    table_offset = _FOOTER_SIZE + struct.calcsize(_DYNAMIC_HEADER)
    entries = [_UNUSED] * -(-size // BLOCK)
    first = table_offset + -(-4 * len(entries) // SECTOR_SIZE) * SECTOR_SIZE
    for index, block in enumerate(used):
        entries[block] = (first + index * (_BITMAP_SIZE + BLOCK)) // SECTOR_SIZE
    table = struct.pack(f">{len(entries)}I", *entries).ljust(first - table_offset, b"\xff")
    end = first + len(used) * (_BITMAP_SIZE + BLOCK)
    head = footer + _dynamic_header(table_offset, len(entries)) + table
    return ExtentMap(
        (Extent(0, Inline(head)), *_blocks(data, entries), Extent(end, Inline(footer))), end + _FOOTER_SIZE
    )


def geometry(sectors: int) -> tuple[int, int, int]:
    """Return cylinders, heads and sectors per track (the specification's appendix "CHS Calculation")."""
    sectors = min(sectors, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        return sectors // 255 // 16, 16, 255
    cylinders_heads = sectors // 17
    heads = max(-(-cylinders_heads // 1024), 4)
    if cylinders_heads < heads * 1024 and heads <= 16:
        return cylinders_heads // heads, heads, 17
    for per_track in (31, 63):
        cylinders_heads = sectors // per_track
        if cylinders_heads < 16 * 1024:
            break
    return cylinders_heads // 16, 16, per_track


def _disk_size(extents: ExtentMap) -> int:
    size = -(-extents.size // UNIT) * UNIT
    if size > _SIZE_LIMIT:
        raise BuildError(f"a disk of {size >> 30} GiB is too large for a VHD: it holds at most 2040 GiB")
    return size


def _identity(extents: ExtentMap, on_chunk: Callable[[], None]) -> bytes:
    return uuid.UUID(ids.guid(ids.map_seed(extents, on_chunk), "vhd")).bytes


def _footer(size: int, kind: int, header_offset: int, identity: bytes, epoch: int) -> bytes:
    fields = (
        *(b"conectix", _FEATURES, _VERSION, header_offset, max(epoch - _YEAR_2000, 0)),
        *(_CREATOR, _CREATOR_VERSION, _CREATOR_HOST, size, size, *geometry(size // SECTOR_SIZE), kind),
    )

    def packed(checksum: int) -> bytes:
        return struct.pack(_FOOTER, *fields, checksum, identity, 0)

    return packed(_checksum(packed(0)))


def _dynamic_header(table_offset: int, entries: int) -> bytes:
    def packed(checksum: int) -> bytes:
        fields = (b"cxsparse", _NONE, table_offset, _VERSION, entries, BLOCK, checksum)
        return struct.pack(_DYNAMIC_HEADER, *fields, bytes(16), 0, 0, b"", b"")

    return packed(_checksum(packed(0)))


def _checksum(data: bytes) -> int:
    """Return the one's complement of the sum of all bytes."""
    return ~sum(data) & 0xFFFFFFFF


def _blocks(data: tuple[Extent, ...], entries: list[int]) -> Iterator[Extent]:
    """Yield bitmap and data of each used block, in the order of the disk."""
    bitmap = Inline(b"\xff" * _BITMAP_SIZE)
    current = -1
    for extent in data:
        for block in range(extent.offset // BLOCK, -(-extent.end // BLOCK)):
            place = entries[block] * SECTOR_SIZE
            if block != current:
                yield Extent(place, bitmap)
                current = block
            moved = place + _BITMAP_SIZE - block * BLOCK
            for piece in cut(extent, max(extent.offset, block * BLOCK), min(extent.end, (block + 1) * BLOCK)):
                yield Extent(piece.offset + moved, piece.source)
