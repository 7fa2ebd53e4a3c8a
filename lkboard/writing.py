"""Write all of something: one call to the system may write less, on a disk that is nearly full."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO


def write_all(file: FileIO, data: bytes | memoryview) -> None:
    """Write all of it where the file stands. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def pwrite_all(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of it at an offset, wherever the file stands. Raises OSError."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count
