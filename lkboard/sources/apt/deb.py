"""Debian binary packages (deb(5)): an ar archive whose member ``data.tar.*`` has the files.

A package is unpacked once, to an uncompressed tar in the store's derived data; its files are spans of that tar.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.extents import FileSpan
from lkboard.model.rootfs import Kind, Origin
from lkboard.oci.layers.file_tree import clean
from lkboard.oci.layers.tar_reader import read_tar
from lkboard.oci.store.files import store_errors
from lkboard.sources.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.events import Job
    from lkboard.model.rootfs import Entry
    from lkboard.oci.store.store import Store

KIND = "packages"
"""The kind of derived data that the tars are."""

_MAGIC = b"!<arch>\n"
_HEADER_SIZE = 60
_CHUNK = 1 << 20


def unpack(package: Path, name: str, store: Store, job: Job) -> Archive:
    """Return the files of the package file ``package``; its tar is made in ``store`` unless it is there, undamaged.

    ``name`` is for people; the file's own name must identify its bytes. Raises `BuildError` when it is damaged, and
    `StoreUnusable` when the tar cannot be written.
    """
    tar = _kept(package, store, job) or _inflate(package, name, store, job)
    span = FileSpan(str(tar), 0, tar.stat().st_size, _digest_in(tar))
    return Archive(name, _clean(read_tar(span, where=f"Debian package {name}", origin=Origin(name, ""))))


def _kept(package: Path, store: Store, job: Job) -> Path | None:
    """Return a tar that was made before, and save it from garbage collection."""
    for tar in store.derived_dir(KIND).glob(f"{package.name}.*.tar"):
        if store.is_intact(tar, _digest_in(tar), job):
            return tar
    return None


def _digest_in(tar: Path) -> str:
    """Return the digest that a tar is named by."""
    return f"sha256:{tar.name.split('.')[1]}"


def _clean(entries: Iterator[Entry]) -> Iterator[Entry]:
    for entry in entries:
        path = clean(entry.path)
        if path:
            link = (clean(entry.link) or "") if entry.kind is Kind.HARDLINK else entry.link
            yield replace(entry, path=path, link=link)


def _inflate(package: Path, name: str, store: Store, job: Job) -> Path:
    """Write the uncompressed tar of a package as ``<package>.<the tar's own sha256>.tar``."""
    from gzip import BadGzipFile
    from lzma import LZMAError
    from zlib import error as ZlibError  # noqa: N812 - as the others are named

    from zstandard import ZstdError

    digest, folder = hashlib.sha256(), store.derived_dir(KIND)
    with store_errors(folder), tempfile.TemporaryDirectory(dir=folder, prefix="new-") as workspace:
        output = Path(workspace, "data.tar")
        try:
            with package.open("rb") as file, _open_data(file, name) as data, output.open("wb") as tar:
                while chunk := data.read(_CHUNK):
                    job.check()
                    digest.update(chunk)
                    tar.write(chunk)
        except (EOFError, BadGzipFile, ValueError, LZMAError, ZlibError, ZstdError) as error:
            raise _damaged(name, str(error)) from error
        named = output.rename(folder / f"{package.name}.{digest.hexdigest()}.tar")
    store.vouch(named)
    return named


def _open_data(file: IO[bytes], name: str) -> IO[bytes]:
    """Return the data member of an open package, inflated."""
    import gzip
    import lzma

    for member, offset, size in _members(file, name):
        stem, _, suffix = member.partition(".tar")
        if stem != "data":
            continue
        section = io.BufferedReader(_Section(file, offset, size), _CHUNK)
        if suffix == ".xz":
            return lzma.open(section)
        if suffix == ".zst":
            import zstandard

            return zstandard.ZstdDecompressor().stream_reader(section)
        if suffix == ".gz":
            return gzip.open(section)  # type: ignore[return-value]  # reads as any other file
        if not suffix:
            return section
        raise _damaged(name, f"unknown compression '{suffix}'")
    raise _damaged(name, "it has no data")


def _members(file: IO[bytes], name: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of the members of an ar archive (deb(5), ar(5))."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise _damaged(name, "it is no ar archive")
    offset = len(_MAGIC)
    while len(header := file.read(_HEADER_SIZE)) == _HEADER_SIZE:
        if header[58:60] != b"`\n":
            raise _damaged(name, "a member has no header")
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

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _damaged(name: str, reason: str) -> BuildError:
    return BuildError(
        f"the file of the Debian package is damaged: {reason}",
        where=name,
        hint="remove the store's derived data and retry",
    )
