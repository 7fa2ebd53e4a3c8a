"""Read archives in the "newc" format of cpio, as an initrd has them; `lkboard.disk.cpio` writes them.

Format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel. Archives follow one another, with
zeros between them.
"""

from __future__ import annotations

import stat
import struct
from binascii import unhexlify
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from lkboard.errors import BuildError
from lkboard.model.extents import EMPTY, Content, FileSpan
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MAGICS = (b"070701", b"070702")
"""Without and with a sum of each file's bytes, which the kernel does not check either."""

ENTRY_LIMIT = 1_000_000
"""As for layers: entries of a hundred zeros pack so well that a small file could fill the memory."""

TEXT_LIMIT = 256 << 20
"""Of all paths and link targets together, in bytes."""

_MAGIC_SIZE = 6
_TRAILER = "TRAILER!!!"
_FIELDS = struct.Struct(">13I")
_HEADER_SIZE = _MAGIC_SIZE + 2 * _FIELDS.size
_PATH_MAX = 4096
_ALIGNMENT = 4
_SECOND = 1_000_000_000
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHAR,
    stat.S_IFBLK: Kind.BLOCK,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFIFO: Kind.FIFO,
}


@dataclass(frozen=True, slots=True)
class Archive:
    """The entries of one archive, and the offset in its file at which what follows it begins, behind zeros.

    Paths are as they are written there; a path may occur several times, and the last one counts.
    """

    entries: tuple[Entry, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Archives:
    """Archives that follow one another from the start of a file."""

    parts: tuple[Archive, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is in all of them together."""
        return tuple(entry for part in self.parts for entry in part.entries)

    @property
    def end(self) -> int:
        """The offset in the file at which something else begins."""
        return self.parts[-1].end if self.parts else 0


def read_cpio(path: Path, on_entry: Callable[[], None]) -> Archives:
    """Return what a file begins with; contents are parts of the file.

    ``on_entry`` is called for every entry, and may raise to stop. Raises `BuildError` when the file cannot be read, is
    damaged or has more entries than any honest one.
    """
    try:
        with path.open("rb") as file:
            return Archives(tuple(_Reader(file, path).archives(on_entry)))
    except OSError as error:
        raise BuildError(f"cannot read the archive: {error.strerror}", where=path) from error


@dataclass(frozen=True, slots=True)
class _Record:
    """One entry, and what the names of one file have in common: inode and device; None for a single name."""

    entry: Entry
    identity: tuple[int, ...] | None


def _entries(records: Sequence[_Record]) -> Iterator[Entry]:
    """Yield entries with further names as hard links: one of a file's names has its bytes, mostly the first or last."""
    owners: dict[tuple[int, ...], Entry] = {}
    for record in records:
        if record.identity is not None and (record.entry.content.size or record.identity not in owners):
            owners[record.identity] = record.entry
    for record in records:
        owner = owners[record.identity] if record.identity is not None else record.entry
        if owner is record.entry:
            yield record.entry
        else:
            yield replace(record.entry, kind=Kind.HARDLINK, link=owner.path, content=EMPTY)


class _Reader:
    """The state between two headers. ``at`` is the offset of what comes next."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._size = path.stat().st_size
        self._entries = 0
        self._text_size = 0
        self.at = 0

    def archives(self, on_entry: Callable[[], None]) -> Iterator[Archive]:
        while self._header().startswith(MAGICS):
            records = tuple(self._records(on_entry))
            yield Archive(tuple(_entries(records)), self.at)

    def _records(self, on_entry: Callable[[], None]) -> Iterator[_Record]:
        """Yield the entries of an archive, to its trailer or, if it has none, to something else."""
        while (header := self._header()).startswith(MAGICS):
            on_entry()
            self._entries += 1
            if self._entries > ENTRY_LIMIT:
                raise BuildError(f"the cpio archive has more than {ENTRY_LIMIT} entries", where=self._path)
            fields, name = self._fields(header)
            if name == _TRAILER:
                self._skip_zeros()
                return
            yield self._record(fields, name)
            self.at = _aligned(self.at + fields[6])

    def _header(self) -> bytes:
        self._file.seek(self.at)
        return self._file.read(_HEADER_SIZE)

    def _skip_zeros(self) -> None:
        """Go to the next byte that is not zero; without one, to the end. They follow the end of an archive."""
        self._file.seek(self.at)
        while chunk := self._file.read(_PATH_MAX):
            zeros = len(chunk) - len(chunk.lstrip(b"\0"))
            self.at += zeros
            if zeros < len(chunk):
                return

    def _fields(self, header: bytes) -> tuple[tuple[int, ...], str]:
        """Return the numbers of a header and the name, and go on behind them."""
        try:
            fields = _FIELDS.unpack(unhexlify(header[_MAGIC_SIZE:]))
        except (ValueError, struct.error) as error:
            raise self._fault("the header") from error
        name = self._read(fields[11]) if 0 < fields[11] <= _PATH_MAX else b""
        start = self.at
        self.at = _aligned(start + _HEADER_SIZE + fields[11])
        if not name.endswith(b"\0") or self.at + fields[6] > self._size:
            self.at = start
            raise self._fault("the entry")
        return fields, name[:-1].decode("utf-8", "surrogateescape")

    def _record(self, fields: tuple[int, ...], name: str) -> _Record:
        _inode, mode, uid, gid, links, mtime, size, *device = fields[:9]
        kind = _KINDS.get(stat.S_IFMT(mode))
        if kind is None or (kind is Kind.SYMLINK and size > _PATH_MAX):
            raise self._fault(f"the entry '{name}'")
        content = Content((FileSpan(str(self._path), self.at, size),)) if kind is Kind.FILE and size else EMPTY
        entry = Entry(
            path=name,
            kind=kind,
            mode=stat.S_IMODE(mode),
            uid=uid,
            gid=gid,
            mtime_ns=mtime * _SECOND,
            link=self._file_text(size) if kind is Kind.SYMLINK else "",
            device=(fields[9], fields[10]) if kind in {Kind.CHAR, Kind.BLOCK} else (0, 0),
            content=content,
        )
        is_shared = kind is Kind.FILE and links > 1
        return _Record(entry, (fields[0], *device) if is_shared else None)

    def _file_text(self, size: int) -> str:
        self._file.seek(self.at)
        return self._read(size).decode("utf-8", "surrogateescape")

    def _read(self, size: int) -> bytes:
        """Read a path or link target."""
        self._text_size += size
        if self._text_size > TEXT_LIMIT:
            raise BuildError(f"the cpio archive has more than {TEXT_LIMIT >> 20} MiB of paths", where=self._path)
        return self._file.read(size)

    def _fault(self, what: str) -> BuildError:
        return BuildError(f"the cpio archive is damaged: {what} at byte {self.at}", where=self._path)


def _aligned(offset: int) -> int:
    return offset + -offset % _ALIGNMENT
