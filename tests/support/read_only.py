"""Folders that nothing can be written into, not even by root."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.loops import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let a folder be read only for the time of the block."""
    if os.geteuid():
        yield from _by_mode(folder)
        return
    run("mount", "--bind", str(folder), str(folder))
    try:
        run("mount", "-o", "remount,ro,bind", str(folder))
        yield
    finally:
        run("umount", str(folder))


def _by_mode(folder: Path) -> Iterator[None]:
    folders = [path for path in (folder, *folder.rglob("*")) if path.is_dir()]
    modes = {path: path.stat().st_mode for path in folders}
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
