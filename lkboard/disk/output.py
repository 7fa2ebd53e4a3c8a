"""Write a planned file: to its place as a whole or not at all, or into a stream; compressed, if that is wanted."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lkboard.disk import content, packed
from lkboard.disk.bmap import BLOCK, block_ranges
from lkboard.disk.copying import copy
from lkboard.disk.replacing import check_room, explained, refuse_special, replacing_together
from lkboard.disk.sidecars import Sums, sidecar_path, sidecar_paths
from lkboard.errors import OutputError
from lkboard.model.extents import Extent, ExtentMap, FileSpan
from lkboard.writing import write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO

    from lkboard.disk.replacing import Replacement
    from lkboard.model.artifact import Compression, Sidecar


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file: its size in bytes, and its sha256 in hex, empty when no sidecar wanted to know it."""

    size: int
    sha256: str


def write_file(
    extents: ExtentMap,
    path: Path,
    *,
    on_bytes: Callable[[int], None],
    compression: Compression | None = None,
    sidecars: tuple[Sidecar, ...] = (),
    together: Replacement | None = None,
) -> Written:
    """Write a file that appears under its name only when it is whole and on the disk, and then its sidecars.

    Holes of the map (gaps and `Zeros`) become holes of the file. ``on_bytes`` gets how many bytes of `work` are done at
    least every MiB, or, of a compressed file, every 100 ms, and all of them once they are on the disk; what it raises
    (`Cancelled`) stops the work. A symbolic link is followed; sidecars are beside the link. Sidecars of a file that is
    replaced are gone before it is. With ``together``, all names are taken when that ends well.
    Raises `OutputError`, and `BuildError` when a source cannot be read; nothing is left behind then.
    """
    final = Path(os.path.realpath(path))
    beside = tuple(sidecar_path(path, kind) for kind in sidecars)
    sums = Sums(sidecars, extents)
    stale = {*sidecar_paths(path), *sidecar_paths(final)}
    with ExitStack() as stack:
        stack.enter_context(explained(path, extents.mapped_bytes))
        for name in (path, *beside):
            refuse_special(name)
        together = together or stack.enter_context(replacing_together())
        file, *others = together.open((final, *beside), stale=stale)
        if compression is None:
            check_room(final.parent, extents.mapped_bytes)
            _write_plain(extents, file, sums if sidecars else None, on_bytes)
        else:
            _write_packed(extents, compression, file, sums, on_bytes)
        for kind, other in zip(sidecars, others, strict=True):
            write_all(other, sums.text(kind, path.name))
            os.fsync(other.fileno())
        return Written(os.fstat(file.fileno()).st_size, sums.sha256)


def work(extents: ExtentMap, compression: Compression | None, sidecars: tuple[Sidecar, ...]) -> int:
    """Return how many bytes there are to work on: what is compressed, or written and for sidecars read again."""
    if compression is not None:
        return extents.size
    return extents.mapped_bytes + (extents.size if sidecars else 0)


def check_place(path: Path) -> None:
    """Raise `OutputError` unless a file can be made or replaced there, as far as that shows without writing."""
    with explained(path, 0):
        refuse_special(path)
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        # it is also opened, to hold it and to bring new names to the disk
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_stream(
    extents: ExtentMap,
    stream: BinaryIO,
    *,
    on_bytes: Callable[[int], None],
    compression: Compression | None = None,
) -> None:
    """Write a map to a stream, holes as zeros. ``on_bytes`` as in `write_file`, up to ``extents.size``.

    Raises `OutputError`, and `BuildError` when a source cannot be read.
    """
    try:
        stream.writelines(_stream_pieces(extents, compression, on_bytes))
        stream.flush()
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def _stream_pieces(
    extents: ExtentMap, compression: Compression | None, on_bytes: Callable[[int], None]
) -> Iterator[bytes | memoryview]:
    if compression is not None:
        yield from packed.pieces(extents, compression, on_bytes=on_bytes)
        return
    done = 0
    for chunk in content.chunks(content.as_content(extents)):
        yield chunk
        done += len(chunk)
        on_bytes(done)


def _write_plain(extents: ExtentMap, file: FileIO, sums: Sums | None, on_bytes: Callable[[int], None]) -> None:
    done = 0
    for size in copy(extents, file.fileno()):
        done += size
        on_bytes(done)
    with ThreadPoolExecutor(1, "sync") as pool:
        # what is hashed is what was written, still in memory, while the disk is busy
        synced = pool.submit(os.fsync, file.fileno())
        if sums is not None:
            for size in _hash(extents, file, sums):
                done += size
                on_bytes(done)
        synced.result()
    on_bytes(done)


def _hash(extents: ExtentMap, file: FileIO, sums: Sums) -> Iterator[int]:
    """Read a file again whose holes are known, and yield the sizes of the pieces."""
    ranges = ((run.start * BLOCK, min(run.stop * BLOCK, extents.size)) for run in block_ranges(extents))
    spans = (Extent(start, FileSpan(os.fsdecode(file.name), start, end - start)) for start, end in ranges)
    for chunk in content.chunks(content.as_content(ExtentMap(tuple(spans), extents.size))):
        sums.take_file(chunk)
        sums.take_image(chunk)
        yield len(chunk)


def _write_packed(
    extents: ExtentMap, compression: Compression, file: FileIO, sums: Sums, on_bytes: Callable[[int], None]
) -> None:
    for piece in packed.pieces(extents, compression, on_bytes=on_bytes, look=sums.take_image):
        write_all(file, piece)
        sums.take_file(piece)
    os.fsync(file.fileno())
