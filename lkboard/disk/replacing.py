"""Files that take their names together, each whole and on the disk, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk.folders import holding
from lkboard.disk.temporary import remove_leftovers, temporary_file
from lkboard.errors import OutputError
from lkboard.writing import write_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from io import FileIO

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_PERMISSIONS, _PRIVATE = 0o777, 0o600


class Replacement:
    """Files that take their names together, when `replacing_together` ends well."""

    def __init__(self, open_files: contextlib.ExitStack) -> None:
        self._open_files = open_files
        self._files: list[tuple[FileIO, Path, int]] = []
        self._stale: list[Path] = []

    def open(self, finals: Sequence[Path], *, stale: Iterable[Path] = ()) -> tuple[FileIO, ...]:
        """Open temporary files beside ``finals``, which will have the permissions of the files of those names.

        Nobody else may read what is written until then. ``stale`` is for `remove`. Bringing the data to the disk is for
        the caller. Raises OSError.
        """
        for folder in {final.parent for final in finals}:
            remove_leftovers(folder)
        files = tuple(map(self._open, finals))
        self.remove(stale)
        return files

    def _open(self, final: Path) -> FileIO:
        file = self._open_files.enter_context(temporary_file(final.parent))
        self._files.append((file, final, _mode_of(final, file)))
        _set_mode(file, _PRIVATE)
        return file

    def remove(self, stale: Iterable[Path]) -> None:
        """Let files be gone before the first name is taken, as what they say is not true of the new files."""
        self._stale += stale

    def take_names(self) -> None:
        """Give every file its name, the first one first.

        Older files of the other names are gone before. So whatever stops this, even a kill, no file is beside one that
        was not made with it: some are missing. Sets of others in one of the folders wait for it, as `holding` does.
        Raises `OutputError`.
        """
        finals = [final for _, final, _ in self._files]
        touched = [*finals, *self._stale]
        if not touched:
            return
        with explained(touched[0], 0):
            with contextlib.ExitStack() as held:
                if len(touched) > 1:  # else it is one step of the file system
                    _hold({path.parent for path in touched}, held)
                _remove([*self._stale, *finals[1:]])
                self._rename()
            _sync_folders(finals)

    def _rename(self) -> None:
        for file, final, mode in self._files:
            _set_mode(file, mode)
            with explained(final, os.fstat(file.fileno()).st_size):
                Path(os.fsdecode(file.name)).replace(final)


@contextlib.contextmanager
def replacing_together() -> Iterator[Replacement]:
    """Let files be opened that take their names when the block ends well, else vanish. Raises `OutputError`."""
    with contextlib.ExitStack() as open_files:
        together = Replacement(open_files)
        yield together
        together.take_names()


@contextlib.contextmanager
def replacing(finals: Sequence[Path], *, stale: Iterable[Path] = ()) -> Iterator[tuple[FileIO, ...]]:
    """Open temporary files beside ``finals``, which take those names together when the block ends well, else vanish.

    See `Replacement`. Raises OSError and `OutputError`.
    """
    with replacing_together() as together:
        yield together.open(finals, stale=stale)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whose bytes are at hand; a symbolic link is followed. Raises `OutputError`."""
    with explained(path, len(data)):
        refuse_special(path)
        with replacing((path.resolve(),)) as (file,):
            write_all(file, data)
            os.fsync(file.fileno())


@contextlib.contextmanager
def explained(path: Path, size: int) -> Iterator[None]:
    """Turn the system's error numbers into what the user can do. ``size`` is that of the file in bytes."""
    try:
        yield
    except OSError as error:
        folder = Path(os.path.realpath(path)).parent
        if error.errno in _NO_ROOM:
            message, hint = f"there is no room for {-(-size >> 20)} MiB", "free some space or choose another folder"
        elif error.errno in _NOT_ALLOWED:
            message, hint = "may not be written", f"choose another folder, or change the permissions of {folder}"
        elif error.errno == errno.ENOENT and not folder.is_dir():
            message, hint = f"the folder '{folder}' does not exist", f"create it: mkdir -p {shlex.quote(str(folder))}"
        else:
            message, hint = f"cannot be written: {error.strerror}", "choose another folder"
        raise OutputError(message, where=path, hint=hint) from error


def refuse_special(path: Path) -> None:
    """Leave devices alone: to replace one by a file would look like success. Raises `OutputError` and OSError."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if stat.S_ISBLK(mode):
            raise OutputError(
                "is a device", where=path, hint=f"write to it: lkboard write CONFIG --to {shlex.quote(str(path))}"
            )
        if not stat.S_ISREG(mode):
            raise OutputError("is there and is not an ordinary file", where=path, hint="choose another name")


def check_room(folder: Path, size: int) -> None:
    """Raise OSError when ``size`` more bytes do not fit into the file system of a folder."""
    free = os.statvfs(folder)
    if size > (free.f_bavail if os.geteuid() else free.f_bfree) * free.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _mode_of(final: Path, new: FileIO) -> int:
    """Return the permissions of the ordinary file that has a name, else those that a new file gets."""
    with contextlib.suppress(FileNotFoundError):
        status = final.lstat()
        if stat.S_ISREG(status.st_mode):
            return status.st_mode & _PERMISSIONS
    return os.fstat(new.fileno()).st_mode & _PERMISSIONS


def _set_mode(file: FileIO, mode: int) -> None:
    with contextlib.suppress(OSError):  # file systems of cameras and sticks have no permissions to set
        os.fchmod(file.fileno(), mode)


def _hold(folders: Iterable[Path], held: contextlib.ExitStack) -> None:
    """Hold folders alone until ``held`` ends: each once, whatever its names are, and all in the same order."""
    identities = {
        (status.st_dev, status.st_ino): path for path in folders if path.is_dir() for status in (path.stat(),)
    }
    for _, folder in sorted(identities.items()):
        held.enter_context(holding(folder))


def _remove(stale: Iterable[Path]) -> None:
    there = [path for path in stale if path.is_symlink() or path.is_file()]
    for path in there:
        with explained(path, 0):
            path.unlink(missing_ok=True)
    _sync_folders(there)


def _sync_folders(paths: Iterable[Path]) -> None:
    for folder in {path.parent for path in paths}:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
