"""Copy a map into a file, holes as holes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lkboard.disk import content
from lkboard.model.extents import FileSpan, Inline
from lkboard.writing import pwrite_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.extents import Extent, ExtentMap


def copy(extents: ExtentMap, descriptor: int) -> Iterator[int]:
    """Copy a map into an empty file and yield the sizes of the pieces that were written.

    Gaps and `Zeros` become holes. Raises OSError, and `BuildError` when a source cannot be read.
    """
    os.ftruncate(descriptor, extents.size)
    for extent in extents.extents:
        yield from _write_extent(descriptor, extent)


def _write_extent(descriptor: int, extent: Extent) -> Iterator[int]:
    """Write one extent and yield the sizes of its pieces."""
    match extent.source:
        case FileSpan() as span:
            yield from _copy(span, descriptor, extent.offset)
        case Inline() as inline:
            offset = extent.offset
            for chunk in content.source_chunks(inline):
                pwrite_all(descriptor, chunk, offset)
                offset += len(chunk)
                yield len(chunk)


def _copy(span: FileSpan, descriptor: int, offset: int) -> Iterator[int]:
    """Copy a part of a file, inside the kernel (or by sharing blocks) where that works."""
    source = content.open_span(span)
    try:
        done, by_kernel = 0, True
        while done < span.size:
            wanted = min(content.CHUNK_SIZE, span.size - done)
            copied = _copy_by_kernel(source, descriptor, wanted, span.offset + done, offset + done) if by_kernel else 0
            if not copied:
                by_kernel = False
                chunk = content.read_piece(span, source, span.offset + done, wanted)
                pwrite_all(descriptor, chunk, offset + done)
                copied = len(chunk)
            done += copied
            yield copied
        content.check_unchanged(span, source)
    finally:
        os.close(source)


def _copy_by_kernel(source: int, target: int, size: int, source_offset: int, target_offset: int) -> int:
    """Return how much was copied; 0 where only reading and writing works, or tells what is wrong (libs.md §3)."""
    try:
        return os.copy_file_range(source, target, size, source_offset, target_offset)
    except OSError:
        return 0
