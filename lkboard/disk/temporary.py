"""Temporary files beside outputs. They are locked, so that those of a process that was killed are known and go."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

_NAME = ".lkboard-{}.part"
_RANDOM_BYTES = 4
_ANY_NAME = _NAME.format("[0-9a-f]" * 2 * _RANDOM_BYTES)


@contextlib.contextmanager
def temporary_file(folder: Path) -> Iterator[FileIO]:
    """Open a new file in a folder; it vanishes unless it was renamed. Raises OSError."""
    path, file = _locked(folder)
    with file:
        try:
            yield file
        finally:
            path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that were killed, as far as that is allowed."""
    for path in folder.glob(_ANY_NAME):
        with contextlib.suppress(OSError):
            _remove_unlocked(path)


def _locked(folder: Path) -> tuple[Path, FileIO]:
    while True:
        path = folder / _NAME.format(secrets.token_hex(_RANDOM_BYTES))
        file = path.open("x+b", buffering=0)
        if _lock(file) and path.exists():
            return path, file
        file.close()  # it was taken for a leftover before it was locked


def _lock(file: FileIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks in this file system: nothing is taken for a leftover there
        return True
    return True


def _remove_unlocked(path: Path) -> None:
    """Remove a file that nobody writes. Raises OSError when somebody does, or it is not ours."""
    # network file systems lock only what is open for writing
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(descriptor)
