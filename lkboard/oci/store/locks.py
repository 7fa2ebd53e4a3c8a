"""Locks between processes. They are the kernel's, so a process that dies leaves none behind."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lkboard.oci.store.files import store_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lkboard.events import Job

    _Lock = Callable[[int, int], None]

_POLL_SECONDS = 0.05


@contextmanager
def exclusive(path: Path, job: Job) -> Iterator[None]:
    """Hold the file or folder ``path`` alone, among threads as well as processes (flock).

    Raises `Cancelled` while waiting, and `StoreUnusable`.
    """
    with _held(path, fcntl.flock, job):
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the file ``path`` together with others, waiting for one that holds it alone. Raises OSError."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def unless_held(path: Path) -> Iterator[bool]:
    """Hold the file or folder ``path`` alone, as `exclusive` does, if nobody else does; give whether that is so."""
    with store_errors(path), _opened(path, os.O_RDONLY) as descriptor:
        yield _try(descriptor, fcntl.flock)


@contextmanager
def exclusive_record(path: Path, job: Job) -> Iterator[None]:
    """Hold the file ``path`` alone as LinuxKit does (fcntl record lock, build.md section 7.1).

    Such a lock is shared by the threads of a process: hold an `exclusive` one around it.
    """
    with _held(path, fcntl.lockf, job):
        yield


@contextmanager
def _held(path: Path, lock: _Lock, job: Job) -> Iterator[None]:
    while True:
        # record locks need a file that is open for writing
        with _opened(path, os.O_WRONLY) as descriptor:
            while not _try(descriptor, lock):
                job.wait(_POLL_SECONDS)
            if _is_at(path, descriptor):
                yield
                return


@contextmanager
def _opened(path: Path, access: int) -> Iterator[int]:
    """Open a folder, or a file, which is made if it is not there."""
    with store_errors(path):
        flags = os.O_RDONLY | os.O_DIRECTORY if path.is_dir() else access | os.O_CREAT
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether a file still has its name: garbage collection removes locks that nobody holds."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _try(descriptor: int, lock: _Lock) -> bool:
    try:
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # fcntl may say either
        return False
    return True
