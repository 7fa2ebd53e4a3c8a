"""A folder that takes the place of another one, whole and at once, or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_IS_THERE = {errno.ENOTEMPTY, errno.EEXIST}
_CANNOT_EXCHANGE = {errno.EINVAL, errno.ENOSYS}
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
_NEW, _OLD = "new", "old"
_PATIENCE_SECONDS, _PAUSE_SECONDS = 10, 0.01


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder beside ``target`` that takes its name when the block ends well, and vanishes otherwise.

    Several processes may do so at a time: the last one to end wins. What a killed one left is removed by the next one.
    Raises OSError.
    """
    prefix = f".{target.name}.lkboard-"
    with contextlib.ExitStack() as stack:
        with holding(target.parent):  # nobody takes the folder for a leftover before it is held as well
            _remove_leftovers(target, prefix)
            scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
            stack.callback(shutil.rmtree, scratch, ignore_errors=True)
            stack.enter_context(holding(scratch))
        new = scratch / _NEW
        new.mkdir()
        yield new
        _put(new, target, scratch / _OLD)
        _sync(target.parent)


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold a folder alone, among threads as well as processes (flock), where the file system can do that.

    It is for moments. A folder that stays held for seconds is not waited for: it is held by whoever started us then
    (``flock FOLDER lkboard build …``). Raises OSError.
    """
    with _opened(folder) as descriptor:
        _lock(descriptor)
        yield


def _lock(descriptor: int) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        except OSError:  # no locks in this file system
            return
        else:
            return


def _put(new: Path, target: Path, old: Path) -> None:
    """Give ``new`` the name ``target``; a folder that had it is then called ``new`` or ``old``."""
    try:
        new.rename(target)  # also in the place of an empty folder
    except OSError as error:
        if error.errno not in _IS_THERE:
            raise
        if not _exchange(new, target):
            _move_aside(new, target, old)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names at once (renameat2); return whether the system can do that here."""
    import ctypes

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:  # NFS, FAT
        return False
    raise OSError(code, os.strerror(code), str(other))


def _move_aside(new: Path, target: Path, old: Path) -> None:
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise


def _remove_leftovers(target: Path, prefix: str) -> None:
    for folder in sorted(target.parent.iterdir()):
        if folder.name.startswith(prefix) and folder.is_dir() and not folder.is_symlink():
            with contextlib.suppress(OSError):  # held, somebody else's, or gone by now
                _remove_leftover(folder, target)


def _remove_leftover(folder: Path, target: Path) -> None:
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        names = {path.name for path in folder.iterdir()}
        is_only_copy = _OLD in names and not target.exists()
        if names <= {_NEW, _OLD} and not is_only_copy:
            shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    with _opened(folder) as descriptor:
        os.fsync(descriptor)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
