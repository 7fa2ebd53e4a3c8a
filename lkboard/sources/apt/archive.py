"""Debian binary packages (deb(5)): an ar archive with the files in a compressed tar.

A package is unpacked once, as one uncompressed tar in the store's derived data; its files are spans of that tar.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.extents import EMPTY, Content, FileSpan
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.events import Job

_MAGIC = b"!<arch>\n"
_HEADER_SIZE = 60
_CHUNK = 1 << 20
_LINK_LIMIT = 40
_KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.LNKTYPE: Kind.HARDLINK,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.DIRTYPE: Kind.DIRECTORY,
}


class Archive(Mapping[str, Entry]):
    """The files of one package by their paths (without a leading slash)."""

    def __init__(self, name: str, entries: Mapping[str, Entry]) -> None:
        self.name = name
        self._entries = entries

    def __getitem__(self, path: str) -> Entry:
        """Return the entry of exactly this path."""
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the paths in the package's order."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def find(self, path: str) -> Entry | None:
        """Return the regular file at a path, following links inside the package; None when there is none."""
        for _ in range(_LINK_LIMIT):
            entry = self._entries.get(path)
            if entry is None or entry.kind is Kind.FILE:
                return entry
            if entry.kind is Kind.HARDLINK:
                path = entry.link
            elif entry.kind is Kind.SYMLINK:
                target = PurePosixPath("/", path).parent / entry.link
                path = os.path.normpath(target).lstrip("/")
            else:
                return None
        return None


def unpack(package: Path, folder: Path, job: Job) -> Archive:
    """Return the files of a package file, whose name is its digest; its tar is made in ``folder`` unless it is there.

    Raises `BuildError` when the package is damaged.
    """
    found = next(folder.glob(f"{package.name}.*.tar"), None)
    path = found or _inflate(package, folder, job)
    digest = path.name.split(".")[1]
    try:
        return Archive(package.name, dict(_entries(path, f"sha256:{digest}")))
    except tarfile.TarError as error:
        raise _damaged(package, str(error)) from error


def _inflate(package: Path, folder: Path, job: Job) -> Path:
    """Write the uncompressed tar of a package as ``<package>.<its own sha256>.tar``."""
    from lzma import LZMAError

    from zstandard import ZstdError

    digest = hashlib.sha256()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpack-") as workspace:
        output = Path(workspace, "data.tar")
        try:
            with package.open("rb") as file, _open_data(file, package) as data, output.open("wb") as tar:
                while chunk := data.read(_CHUNK):
                    job.check()
                    digest.update(chunk)
                    tar.write(chunk)
        except (EOFError, OSError, ValueError, LZMAError, ZstdError) as error:
            raise _damaged(package, str(error)) from error
        return output.rename(folder / f"{package.name}.{digest.hexdigest()}.tar")


def _open_data(file: IO[bytes], package: Path) -> IO[bytes]:
    """Return the data member of an open package, inflated."""
    import gzip
    import lzma

    for name, offset, size in _members(file, package):
        stem, _, suffix = name.partition(".tar")
        if stem != "data":
            continue
        section: IO[bytes] = io.BufferedReader(_Section(file, offset, size), _CHUNK)  # type: ignore[assignment]
        if suffix == ".xz":
            return lzma.open(section)  # type: ignore[return-value]
        if suffix == ".zst":
            import zstandard

            return zstandard.ZstdDecompressor().stream_reader(section)  # type: ignore[return-value]
        if suffix == ".gz":
            return gzip.open(section)  # type: ignore[return-value]
        if not suffix:
            return section
        raise _damaged(package, f"unknown compression '{suffix}'")
    raise _damaged(package, "it has no data")


def _members(file: IO[bytes], package: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of the members of an ar archive (deb(5), ar(5))."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise _damaged(package, "it is not an ar archive")
    offset = len(_MAGIC)
    while len(header := file.read(_HEADER_SIZE)) == _HEADER_SIZE:
        if header[58:60] != b"`\n":
            raise _damaged(package, "a member has no header")
        size = int(header[48:58])
        yield header[:16].decode("ascii", "replace").strip().rstrip("/"), offset + _HEADER_SIZE, size
        offset += _HEADER_SIZE + size + size % 2
        file.seek(offset)


class _Section(io.RawIOBase):
    """A part of an open file as a file of its own."""

    def __init__(self, file: IO[bytes], offset: int, size: int) -> None:
        super().__init__()
        self._file = file
        self._left = size
        file.seek(offset)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _entries(path: Path, digest: str) -> Iterator[tuple[str, Entry]]:
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            name = os.path.normpath(member.name).lstrip("/")
            kind = _KINDS.get(member.type)
            if kind is None or name in {".", ""}:
                continue
            is_file = kind is Kind.FILE and member.size
            span = FileSpan(str(path), member.offset_data, member.size, digest)
            link = os.path.normpath(member.linkname).lstrip("/") if kind is Kind.HARDLINK else member.linkname
            yield (
                name,
                Entry(name, kind, member.mode & 0o7777, link=link, content=Content((span,)) if is_file else EMPTY),
            )


def _damaged(package: Path, reason: str) -> BuildError:
    return BuildError(f"the Debian package is damaged: {reason}", where=package, hint="delete it and try again")
