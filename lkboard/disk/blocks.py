"""A map seen as blocks of one size: which of them hold data. What formats of virtual disks allocate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.extents import Zeros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkboard.model.extents import Extent, ExtentMap


def data_extents(extents: ExtentMap) -> tuple[Extent, ...]:
    """Return the extents that are neither `Zeros` nor empty."""
    return tuple(extent for extent in extents.extents if extent.size and not isinstance(extent.source, Zeros))


def used_blocks(extents: Iterable[Extent], block_size: int) -> tuple[range, ...]:
    """Return the numbers of the blocks that sorted extents touch, as ranges with gaps between them."""
    runs: list[range] = []
    for extent in extents:
        first, end = extent.offset // block_size, -(-extent.end // block_size)
        if runs and first <= runs[-1].stop:
            runs[-1] = range(runs[-1].start, max(runs[-1].stop, end))
        else:
            runs.append(range(first, end))
    return tuple(runs)
