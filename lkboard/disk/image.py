"""The bytes of a whole disk: partition table, raw blobs and partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import gpt, mbr
from lkboard.errors import BuildError
from lkboard.model.disk import SECTOR_SIZE
from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.model.disk import DiskLayout

_BOOT_AREA = 1 << 20
"""Bytes in which firmware looks for its next stage without a partition table."""


def plan(layout: DiskLayout) -> ExtentMap:
    """Return the disk of a layout.

    All before the first partition belongs to the image, so that no boot ROM finds there what was on the medium before;
    space between and in partitions stays a hole where nothing is. Raises `BuildError` when a raw blob is in the way of
    something else.
    """
    fixed = sorted(_fixed(layout), key=lambda extent: extent.offset)
    first = min((partition.start_sector for partition in layout.partitions), default=layout.total_sectors)
    extents = sorted([*fixed, *_blanks(fixed, first * SECTOR_SIZE)], key=lambda extent: extent.offset)
    try:
        return ExtentMap(tuple(extents), layout.total_sectors * SECTOR_SIZE)
    except ValueError as error:
        raise BuildError(f"the parts of the disk do not fit: {error}", hint="check the board's layout") from error


def _fixed(layout: DiskLayout) -> Iterator[Extent]:
    if layout.table == "gpt":
        yield Extent(mbr.TABLE_OFFSET, Inline(mbr.protective(layout.total_sectors)))
        yield Extent(SECTOR_SIZE, Inline(gpt.primary(layout)))
        yield Extent((layout.total_sectors - gpt.TAIL_SECTORS) * SECTOR_SIZE, Inline(gpt.backup(layout)))
    else:
        yield Extent(mbr.TABLE_OFFSET, Inline(mbr.table(layout.disk_id, layout.partitions)))
    for blob in layout.raw:
        yield from place(blob.content, blob.offset)
    for partition in layout.partitions:
        yield from partition.content.shifted(partition.start_sector * SECTOR_SIZE)


def _blanks(extents: Iterable[Extent], end: int) -> Iterator[Extent]:
    """Yield zeros for the gaps between sorted extents up to ``end``."""
    position = 0
    for extent in extents:
        if extent.offset >= end:
            break
        yield from _blank(position, extent.offset)
        position = extent.end
    yield from _blank(position, end)


def _blank(start: int, end: int) -> Iterator[Extent]:
    """Yield zeros: bytes where boot ROMs look, which no copy leaves out, and `Zeros` behind, however many there are."""
    border = max(start, min(end, _BOOT_AREA))
    if start < border:
        yield Extent(start, Inline(bytes(border - start)))
    if border < end:
        yield Extent(border, Zeros(end - border))
