"""Files that take their names together, each whole and on the disk, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk.temporary import remove_leftovers, temporary_file
from lkboard.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from io import FileIO

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_PERMISSIONS, _PRIVATE = 0o777, 0o600


@contextlib.contextmanager
def replacing(finals: Sequence[Path], *, stale: Iterable[Path] = ()) -> Iterator[tuple[FileIO, ...]]:
    """Open temporary files beside ``finals``, which take those names when the block ends well, else vanish.

    The first name is taken first, with the permissions of the file that it belonged to; until then nobody else may
    read what is written. ``stale`` are files that say something about what is replaced: they are gone before,
    whenever the process is killed. Bringing the data to the disk is for the block. Raises OSError.
    """
    for folder in {final.parent for final in finals}:
        remove_leftovers(folder)
    with contextlib.ExitStack() as stack:
        files = tuple(stack.enter_context(temporary_file(final.parent)) for final in finals)
        modes = [_mode_of(final, file) for final, file in zip(finals, files, strict=True)]
        _set_modes(files, [_PRIVATE] * len(files))
        yield files
        _set_modes(files, modes)
        _remove(stale)
        for file, final in zip(files, finals, strict=True):
            Path(os.fsdecode(file.name)).replace(final)
    _sync_folders(finals)


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


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of it, which one call to the system need not do. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


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


def _set_modes(files: Iterable[FileIO], modes: Iterable[int]) -> None:
    for file, mode in zip(files, modes, strict=True):
        with contextlib.suppress(OSError):  # file systems of cameras and sticks have no permissions to set
            os.fchmod(file.fileno(), mode)


def _remove(stale: Iterable[Path]) -> None:
    there = [path for path in stale if path.is_symlink() or path.is_file()]
    for path in there:
        path.unlink(missing_ok=True)
    _sync_folders(there)


def _sync_folders(paths: Iterable[Path]) -> None:
    for folder in {path.parent for path in paths}:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
