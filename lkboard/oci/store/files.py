"""Files that appear whole or not at all, and clear errors when the file system refuses them."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from typing import BinaryIO

TEMPORARY = "new-"
"""How names of temporary files and folders begin."""

_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn failures of the file system around ``path`` into `StoreUnusable`."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in _FULL
        raise StoreUnusable(
            "the disk is full" if is_full else f"the store cannot be used: {error.strerror or error}",
            where=error.filename or path,
            hint="free some space, or choose another folder with --cache DIR"
            if is_full
            else "choose a folder with --cache DIR",
        ) from error


@contextmanager
def temporary_file(folder: Path) -> Iterator[BinaryIO]:
    """Open a new file that is gone afterwards unless it was published.

    It is locked: one that is not was left by a process that was killed.
    """
    handle, name = tempfile.mkstemp(dir=folder, prefix=TEMPORARY)
    os.close(handle)
    try:
        with Path(name).open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def new_file(target: Path, temporary_folder: Path, mode: int) -> Iterator[BinaryIO]:
    """Write ``target`` so that it appears whole, at the end of the block, or not at all."""
    with temporary_file(temporary_folder) as file:
        yield file
        publish(file, target, mode)


def mark_used(path: Path) -> None:
    """Remember that a file is used now, for `last_used`. A hint only: it may fail. Raises FileNotFoundError.

    The time of the last access is set, which a file system with ``noatime`` keeps as well.
    """
    status = path.stat()
    try:
        os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise


def last_used(path: Path) -> float:
    """Return when a file was made or last used, in Unix seconds. Raises FileNotFoundError."""
    status = path.stat()
    return max(status.st_atime, status.st_mtime)


def publish(file: BinaryIO | FileIO, target: Path, mode: int) -> None:
    """Bring an open file to the medium and give it its final name in the same file system, for good."""
    file.flush()
    os.fchmod(file.fileno(), mode)
    os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    Path(file.name).replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
