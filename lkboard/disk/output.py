"""Write a planned file: to its place as a whole or not at all, or into a stream."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lkboard.disk import content
from lkboard.errors import OutputError
from lkboard.model.extents import FileSpan, Inline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkboard.model.extents import Extent, ExtentMap

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_file(extents: ExtentMap, path: Path, *, on_bytes: Callable[[int], None]) -> None:
    """Write a file that appears under its name only when it is whole and on the disk.

    Holes of the map (gaps and `Zeros`) become holes of the file. ``on_bytes`` gets the number of bytes written so far
    at least every MiB, and ``extents.mapped_bytes`` once all is on the disk; what it raises (`Cancelled`) stops the
    work. A symbolic link is followed. Raises `OutputError`, and `BuildError` when a source cannot be read; nothing is
    left behind then.
    """
    final = Path(os.path.realpath(path))
    with _explained(path, extents.mapped_bytes):
        _refuse_special(path)
        with _replacing(final) as descriptor:
            os.ftruncate(descriptor, extents.size)
            done = 0
            for extent in extents.extents:
                for size in _write_extent(descriptor, extent):
                    done += size
                    on_bytes(done)
            os.fsync(descriptor)
            on_bytes(done)


def check_place(path: Path) -> None:
    """Raise `OutputError` unless a file can be made or replaced there, as far as that shows without writing."""
    with _explained(path, 0):
        _refuse_special(path)
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_stream(extents: ExtentMap, stream: BinaryIO, *, on_bytes: Callable[[int], None]) -> None:
    """Write a map to a stream, holes as zeros. ``on_bytes`` as in `write_file`, up to ``extents.size``.

    Raises `OutputError`, and `BuildError` when a source cannot be read.
    """
    done = 0
    try:
        for chunk in content.chunks(content.as_content(extents)):
            stream.write(chunk)
            done += len(chunk)
            on_bytes(done)
        stream.flush()
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


@contextlib.contextmanager
def _replacing(final: Path) -> Iterator[int]:
    """Open a temporary file beside ``final`` that takes its name when the block ends well, else vanishes."""
    temporary = final.with_name(f".lkboard-{secrets.token_hex(4)}.part")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        temporary.replace(final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(final.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_special(path: Path) -> None:
    """Leave devices alone: to replace one by a file would look like success."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if stat.S_ISBLK(mode):
            raise OutputError("is a device", where=path, hint=f"write to it: lkboard write CONFIG --to {path}")
        if not stat.S_ISREG(mode):
            raise OutputError("is there and is not an ordinary file", where=path, hint="choose another name")


def _write_extent(descriptor: int, extent: Extent) -> Iterator[int]:
    """Write one extent and yield the sizes of its pieces."""
    match extent.source:
        case FileSpan() as span:
            yield from _copy(span, descriptor, extent.offset)
        case Inline() as inline:
            offset = extent.offset
            for chunk in content.source_chunks(inline):
                _write(descriptor, chunk, offset)
                offset += len(chunk)
                yield len(chunk)


def _copy(span: FileSpan, descriptor: int, offset: int) -> Iterator[int]:
    """Copy a part of a file, inside the kernel (or by sharing blocks) where that works."""
    source = content.open_span(span)
    try:
        done, by_kernel = 0, True
        while done < span.size:
            wanted = min(content.CHUNK_SIZE, span.size - done)
            copied = _copy_by_kernel(source, descriptor, wanted, span.offset + done, offset + done) if by_kernel else 0
            if not copied:
                by_kernel = False
                chunk = content.read_piece(span, source, span.offset + done, wanted)
                _write(descriptor, chunk, offset + done)
                copied = len(chunk)
            done += copied
            yield copied
        content.check_unchanged(span, source)
    finally:
        os.close(source)


def _copy_by_kernel(source: int, target: int, size: int, source_offset: int, target_offset: int) -> int:
    """Return how much was copied; 0 where only reading and writing works, or tells what is wrong (libs.md §3)."""
    try:
        return os.copy_file_range(source, target, size, source_offset, target_offset)
    except OSError:
        return 0


def _write(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written


@contextlib.contextmanager
def _explained(path: Path, size: int) -> Iterator[None]:
    """Turn the system's error numbers into what the user can do."""
    try:
        yield
    except OSError as error:
        folder = Path(os.path.realpath(path)).parent
        if error.errno in _NO_ROOM:
            message, hint = f"there is no room for {-(-size >> 20)} MiB", "free some space or choose another folder"
        elif error.errno in _NOT_ALLOWED:
            message, hint = "may not be written", f"choose another folder, or change the permissions of {folder}"
        elif error.errno == errno.ENOENT:
            message, hint = f"the folder '{folder}' does not exist", f"create it: mkdir -p {folder}"
        else:
            message, hint = f"cannot be written: {error.strerror}", None
        raise OutputError(message, where=path, hint=hint) from error
