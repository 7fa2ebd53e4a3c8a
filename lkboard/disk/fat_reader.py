"""Read FAT file systems through pyfatfs: code that shares nothing with the planner, and so can check it.

Only its low level is used: the upper one does not import with current setuptools (libs.md section 1).
"""

from __future__ import annotations

import contextlib
import itertools
import struct
import warnings
from typing import TYPE_CHECKING, Any, Self

from lkboard.errors import DiskInvalid, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

_PIECE_SIZE = 1 << 20
_LOWER_STEM, _LOWER_EXTENSION = 0x08, 0x10
# what pyfatfs raises on bytes that it did not expect, besides its own exception
_CONFUSED = (Warning, LookupError, ValueError, AssertionError, EOFError, struct.error)


class FatReader:
    """The files of a FAT file system that starts ``offset`` bytes into an image or device; a context manager.

    Paths have ``/`` between their parts and none in front; looking them up ignores case, as FAT does. Everything
    raises `DiskInvalid` when the file system cannot be read or is damaged, or has no such file.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        with self._explained():
            # unbuffered: chains are followed in memory, and data is read in large pieces
            self._file = path.open("rb", buffering=0)
        try:
            with self._explained():
                self._fat = _open(self._file, offset)
                self._offset = offset
                self._entries = {_key(name): (name, entry) for name, entry in _walk(self._fat)}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def files(self) -> tuple[str, ...]:
        """Return the paths of all files, folder by folder."""
        return tuple(name for name, _ in self._entries.values())

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        return int(self._find(path).filesize)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        return b"".join(self.chunks(path))

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file in pieces of at most 1 MiB."""
        entry = self._find(path)
        left = int(entry.filesize)
        with self._explained():
            for start, size in self._runs(entry.get_cluster()) if left else ():
                for offset in range(0, min(size, left), _PIECE_SIZE):
                    yield self._read_at(start + offset, min(size - offset, left - offset, _PIECE_SIZE))
                left -= min(size, left)
            if left:
                raise EOFError(f"the file '{path}' ends too early")

    def copy(self, path: str, destination: Path) -> None:
        """Copy a file out to ``destination``, which is replaced. Raises `OutputError` too."""
        chunks = self.chunks(path)
        try:
            with destination.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", where=destination) from error

    def _find(self, path: str) -> Any:  # noqa: ANN401 - pyfatfs has no types
        try:
            return self._entries[_key(path)][1]
        except KeyError:
            raise DiskInvalid(f"has no file '{path}'", where=self._path) from None

    def _read_at(self, offset: int, size: int) -> bytes:
        self._file.seek(self._offset + offset)
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError("it is cut off")
        return data

    def _runs(self, first_cluster: int) -> Iterator[tuple[int, int]]:
        """Yield offset and size of each contiguous part of a file, in bytes from the start of the file system."""
        chain = enumerate(self._fat.get_cluster_chain(first_cluster))
        for _, run in itertools.groupby(chain, lambda item: item[1] - item[0]):
            clusters = [cluster for _, cluster in run]
            yield self._fat.get_data_cluster_address(clusters[0]), len(clusters) * self._fat.bytes_per_cluster

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        from pyfatfs._exceptions import PyFATException

        try:
            yield
        except OSError as error:
            raise DiskInvalid(f"cannot be read: {error.strerror}", where=self._path) from error
        except (PyFATException, *_CONFUSED) as error:
            raise DiskInvalid(f"has no FAT file system there, or a damaged one: {error}", where=self._path) from error


def _open(file: FileIO, offset: int) -> Any:  # noqa: ANN401 - pyfatfs has no types
    """Return a `pyfatfs.PyFat` that refuses what it would only warn of, and chains that bite their tail."""
    from pyfatfs.PyFat import PyFat

    fat = PyFat(offset=offset)
    follow = fat.get_cluster_chain

    def follow_to_an_end(first_cluster: int) -> list[int]:
        clusters = list(itertools.islice(follow(first_cluster), len(fat.fat) + 1))
        if len(clusters) > len(fat.fat):
            raise ValueError("a chain of clusters without an end")
        return clusters

    fat.get_cluster_chain = follow_to_an_end
    with _strict():
        fat.set_fp(file)
    return fat


def _walk(fat: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - pyfatfs has no types
    """Yield path and entry of every file, folder by folder."""
    seen = set()
    folders = [("", fat.root_dir)]
    while folders:
        prefix, folder = folders.pop(0)
        with _strict():
            subfolders, files, _labels = folder.get_entries()
        for subfolder in subfolders:
            if subfolder.get_cluster() in seen:
                raise ValueError("a folder that contains itself")
            seen.add(subfolder.get_cluster())
            folders.append((f"{prefix}{_name(subfolder)}/", subfolder))
        yield from ((f"{prefix}{_name(file)}", file) for file in files)


def _name(entry: Any) -> str:  # noqa: ANN401 - pyfatfs has no types
    """Return the long name, or the short one in the case that Windows NT and Linux note in a spare byte."""
    if entry.lfn_entry:
        return str(entry.get_long_name())
    stem, dot, extension = entry.get_short_name().partition(".")
    if entry.ntres & _LOWER_STEM:
        stem = stem.lower()
    if entry.ntres & _LOWER_EXTENSION:
        extension = extension.lower()
    return f"{stem}{dot}{extension}"


@contextlib.contextmanager
def _strict() -> Iterator[None]:
    """Turn the warnings of pyfatfs into errors; that a card was not unmounted is of no interest to a reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Filesystem was not cleanly unmounted")
        yield


def _key(path: str) -> str:
    return path.strip("/").upper()
