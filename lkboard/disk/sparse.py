"""Files with holes: which parts hold data (lseek(2), SEEK_DATA and SEEK_HOLE), and how to leave zeros out."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.extents import Extent, ExtentMap, FileSpan
from lkboard.writing import pwrite_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLE = 64 << 10
"""Zeros are left out in pieces of this size."""
_ZEROS = bytes(_HOLE)


def map_file(path: Path) -> ExtentMap:
    """Return a file's data as extents that leave out its holes. Raises `BuildError` when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BuildError(f"cannot read '{path}': {error.strerror}") from error
    try:
        size = os.fstat(descriptor).st_size
        spans = (Extent(start, FileSpan(str(path), start, end - start)) for start, end in _data(descriptor, size))
        return ExtentMap(tuple(spans), size)
    finally:
        os.close(descriptor)


def _data(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            raise
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end


def write_sparse(descriptor: int, data: memoryview, offset: int) -> None:
    """Write ``data`` at ``offset`` without its zeros, into a file that is still a hole there. Raises OSError."""
    while data:
        piece = data[: _HOLE - offset % _HOLE]
        if piece != _ZEROS[: len(piece)]:
            pwrite_all(descriptor, piece, offset)
        data, offset = data[len(piece) :], offset + len(piece)
