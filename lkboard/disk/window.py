"""Look at any range of an `ExtentMap`, and change some of its bytes."""

from __future__ import annotations

import bisect
import os
from typing import TYPE_CHECKING, Self

from lkboard.disk.content import check_unchanged, open_span, part_of, shrunk
from lkboard.errors import BuildError
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from lkboard.model.extents import Source


class MapReader:
    """Reads ranges of a map; a context manager, for it keeps the file open that it read last."""

    def __init__(self, extents: ExtentMap) -> None:
        self._extents = extents.extents
        self._ends = [extent.end for extent in extents.extents]
        self._path = ""
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes at ``offset``; what the map does not mention is zero. Raises `BuildError`."""
        position, end = offset, offset + len(buffer)
        for extent in self._overlapping(offset, end):
            first, last = max(extent.offset, offset), min(extent.end, end)
            _clear(buffer[position - offset : first - offset])
            self._copy(extent.source, first - extent.offset, buffer[first - offset : last - offset])
            position = last
        _clear(buffer[position - offset :])

    def read(self, offset: int, size: int) -> bytes:
        """Return the bytes at ``offset``. Raises `BuildError`."""
        buffer = bytearray(size)
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def _overlapping(self, start: int, end: int) -> Iterator[Extent]:
        for index in range(bisect.bisect_right(self._ends, start), len(self._extents)):
            if self._extents[index].offset >= end:
                return
            yield self._extents[index]

    def _copy(self, source: Source, start: int, buffer: memoryview) -> None:
        match source:
            case Inline(data):
                buffer[:] = memoryview(data)[start : start + len(buffer)]
            case FileSpan():
                self._read_file(source, source.offset + start, buffer)
            case Zeros():
                _clear(buffer)

    def _read_file(self, span: FileSpan, offset: int, buffer: memoryview) -> None:
        # pread and not a mapping of the file: when it shrinks meanwhile, that is an error and not a fatal signal
        if span.path != self._path:
            self._close()
            self._descriptor, self._path = open_span(span), span.path
        done = 0
        while done < len(buffer):
            try:
                count = os.preadv(self._descriptor, [buffer[done:]], offset + done)
            except OSError as error:
                raise BuildError(f"cannot read '{span.path}': {error.strerror}") from error
            if not count:
                raise shrunk(span)
            done += count
        check_unchanged(span, self._descriptor)

    def _close(self) -> None:
        if self._path:
            os.close(self._descriptor)
            self._path = ""


def overlay(extents: ExtentMap, changes: Iterable[Extent], size: int) -> ExtentMap:
    """Return a map of ``size`` bytes in which ``changes`` (sorted, without overlap) hide what was at their places."""
    changes = tuple(changes)
    kept: list[Extent] = []
    for extent in extents.extents:
        position = extent.offset
        for change in changes:
            if change.end > position and change.offset < extent.end:
                kept += cut(extent, position, change.offset)
                position = change.end
        kept += cut(extent, position, extent.end)
    return ExtentMap(tuple(sorted((*kept, *changes), key=lambda extent: extent.offset)), size)


def cut(extent: Extent, start: int, end: int) -> Iterator[Extent]:
    """Yield the part of an extent from ``start`` to ``end``, if there is one."""
    if start < end:
        yield Extent(start, part_of(extent.source, start - extent.offset, end - start))


def _clear(buffer: memoryview) -> None:
    if len(buffer):
        buffer[:] = bytes(len(buffer))
