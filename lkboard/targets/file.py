"""A regular file as a target: sparse, under a temporary name until it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk.replacing import replacing
from lkboard.disk.sidecars import sidecar_paths
from lkboard.disk.sparse import write_sparse
from lkboard.errors import OutputError
from lkboard.targets.kind import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.target import WritePlan

_SYNC_EVERY = 64 << 20
"""Bytes between two flushes: when the page cache runs ahead of the disk, progress lies and stopping takes long."""


class _Abandoned(Exception):
    """What is written is not to take its name."""


class FileTarget:
    """Writes to a temporary file in the same folder, which is renamed at the end."""

    def __init__(self, path: Path) -> None:
        # a symlink stays: the file that it leads to is replaced
        self._path = Path(os.path.realpath(path))
        self._replacing = contextlib.ExitStack()
        self._medium = self._path
        self._descriptor = -1
        self._unsynced = 0

    @property
    def name(self) -> str:
        """The path of the finished file."""
        return str(self._path)

    @property
    def medium(self) -> Path:
        """The temporary file, once it is prepared."""
        return self._medium

    def prepare(self, size_bytes: int) -> None:
        """Make the temporary file. Raises `OutputError`."""
        with self._explained():
            # older sidecars would not be true of the new file
            (file,) = self._replacing.enter_context(replacing([self._path], stale=sidecar_paths(self._path)))
            self._medium, self._descriptor = Path(os.fsdecode(file.name)), file.fileno()
            os.truncate(self._descriptor, size_bytes)

    def write(self, offset: int, data: memoryview) -> None:
        """Write what is not zero: the file started as one hole. Raises `OutputError`."""
        with self._explained():
            write_sparse(self._descriptor, data, offset)
            self._unsynced += len(data)
            if self._unsynced >= _SYNC_EVERY:
                self._unsynced = 0
                os.fdatasync(self._descriptor)

    def flush(self) -> None:
        """Bring everything to the disk and forget the cached pages. Raises `OutputError`."""
        with self._explained():
            os.fsync(self._descriptor)
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def read(self, offset: int, size: int) -> bytes:
        """Read back. Raises `OutputError`."""
        with self._explained():
            return os.pread(self._descriptor, size, offset)

    def commit(self) -> None:
        """Give the file its name. Raises `OutputError`."""
        with self._explained():
            self._replacing.close()

    def abort(self) -> str:
        """Remove the temporary file, unless it has its name. Returns an empty text: nothing has changed."""
        with contextlib.suppress(OSError):
            self._replacing.__exit__(_Abandoned, _Abandoned(), None)
        return ""

    def close(self) -> None:
        """Let go of the file."""
        self.abort()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            parent = self._path.parent
            raise OutputError(
                "there is no such folder", where=parent, hint=f"mkdir -p {shlex.quote(str(parent))}"
            ) from error
        except OSError as error:
            hint = "free some space, or choose another disk" if error.errno == errno.ENOSPC else None
            raise OutputError(f"cannot write the file: {error.strerror}", where=self._path, hint=hint) from error


def _accepts(plan: WritePlan) -> bool:
    return plan.device is None


def _make(plan: WritePlan) -> FileTarget:
    return FileTarget(Path(plan.target))


TARGET = TargetKind(name="file", title="a regular file", accepts=_accepts, make=_make)
