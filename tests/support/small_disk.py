"""A file system that gets full."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from support.loops import need_root, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """Mount a file system of that size at a folder, which is made if need be, for the time of the block."""
    need_root()
    folder.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "lkboard-test", str(folder))
    try:
        yield folder
    finally:
        run("umount", str(folder))
