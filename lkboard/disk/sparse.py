"""Which parts of a file hold data (lseek(2), SEEK_DATA and SEEK_HOLE)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.extents import Extent, ExtentMap, FileSpan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
