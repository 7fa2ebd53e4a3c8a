"""Files beside ``board.yml``."""

from __future__ import annotations

from pathlib import Path

from lkboard.model.extents import Content, FileSpan, stamp_of


def find(path: str) -> Content | None:
    """Return a file of this machine, None when there is none (or no regular one).

    It may be edited during a build: what is written must be what was verified.
    """
    file = Path(path)
    if not file.is_file():
        return None
    status = file.stat()
    return Content((FileSpan(path, 0, status.st_size, stamp=stamp_of(status)),))
