"""Which pieces of an image are moved, and which of them last."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.model.extents import ExtentMap

ALIGNMENT = 4096
"""Every piece starts at a multiple of this and, but for the last, ends at one: what direct input and output wants."""
CHUNK_SIZE = 1 << 20
"""One request: large enough for full speed, small enough to stop within a second at 1 MB/s."""
EDGE_SIZE = 1 << 20
"""Partition tables, boot code and the backup GPT lie in the first and the last of this many bytes."""
_GAP = 64 << 10
"""A hole up to this size is written through: one more request costs more than the bytes."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the image, in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The pieces of an image. ``edges``, the head at their end, make it bootable and are therefore written last."""

    body: tuple[Chunk, ...]
    edges: tuple[Chunk, ...]


def plan_chunks(image: ExtentMap) -> ChunkPlan:
    """Return what has to be written of an image: all that its map mentions."""
    head_end = min(EDGE_SIZE, image.size)
    tail_start = max(head_end, _floor(image.size - EDGE_SIZE))
    head: list[Chunk] = []
    body: list[Chunk] = []
    tail: list[Chunk] = []
    for start, end in _ranges(image):
        for chunk in _split(start, end, (head_end, tail_start)):
            part = head if chunk.offset < head_end else tail if chunk.offset >= tail_start else body
            part.append(chunk)
    return ChunkPlan(tuple(body), (*tail, *head))


def total(chunks: Iterable[Chunk]) -> int:
    """Return the bytes of some chunks."""
    return sum(chunk.size for chunk in chunks)


def _ranges(image: ExtentMap) -> Iterator[tuple[int, int]]:
    """Yield aligned ranges that cover all extents; the last one may end with the image."""
    current: tuple[int, int] | None = None
    for extent in image.extents:
        if not extent.size:
            continue
        start, end = _floor(extent.offset), min(-_floor(-extent.end), image.size)
        if current is None:
            current = (start, end)
        elif start - current[1] <= _GAP:
            current = (current[0], end)
        else:
            yield current
            current = (start, end)
    if current is not None:
        yield current


def _split(start: int, end: int, borders: tuple[int, ...]) -> Iterator[Chunk]:
    grid = range(_floor(start, CHUNK_SIZE) + CHUNK_SIZE, end, CHUNK_SIZE)
    cuts = sorted({start, end, *grid, *(border for border in borders if start < border < end)})
    return (Chunk(first, last - first) for first, last in itertools.pairwise(cuts))


def _floor(offset: int, step: int = ALIGNMENT) -> int:
    return offset // step * step
