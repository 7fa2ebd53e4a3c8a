"""Read the entries of a tar without unpacking it: 512-byte headers, and where in the file the data lies.

Understands ustar, GNU (long names, base-256 numbers, sparse files) and pax (POSIX.1-2017, pax, "pax Interchange Format"
and "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"). Headers are read one by one: mapping the file would
count its pages as memory of this process.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from lkboard.errors import LayerInvalid
from lkboard.model.extents import EMPTY, Content, FileSpan, Inline
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.layers import tar_sparse
from lkboard.oci.layers.tar_fields import BLOCK_SIZE, decimal, number, padded, quoted, records_of, seconds, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ENTRY_LIMIT = 1_000_000
"""Headers in one tar before it counts as a bomb (registry.md section 8)."""

_EXTENSION_LIMIT = 1 << 20
"""Bytes of one extension header: the kernel holds at most 64 KiB of an attribute, and paths are far shorter."""

_DETAIL_LIMIT = 256 << 20
"""Bytes of memory for long names, attributes and sparse maps of a whole tar, which pack well and are not contents."""

_PIECE_COST = 256
"""Bytes of memory that a piece of a sparse file takes, about."""

PATH_LIMIT = 4095
"""Bytes of a path or link target: PATH_MAX of Linux without the NUL."""

_SECOND = 1_000_000_000
_MODE_BITS = 0o177777
_HEADER = struct.Struct("100s24s12s12s8sc100s255s")
_TAIL = struct.Struct("8s32s32s8s8s155s12x")
_BLANK_CHECKSUM = 8 * ord(" ")
_ADLER = 65521
_NO_DEVICE = (0, 0)
_FLAG = slice(156, 157)
_USTAR = b"ustar\x0000"
_EXTENSIONS = frozenset([b"x", b"X", b"g", b"L", b"K"])
_GNU_SPARSE = b"S"
_SPARSE_KEYS = "GNU.sparse."
_KINDS = {kind.value.encode(): kind for kind in Kind} | dict.fromkeys((b"\0", b"7", _GNU_SPARSE), Kind.FILE)
_DEVICES = frozenset([Kind.CHAR, Kind.BLOCK])
_INTERPRETED = frozenset(["path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime"])


def read_tar(source: FileSpan | Inline, *, where: str, origin: Origin) -> Iterator[Entry]:
    """Yield the entries in the order of the archive, with names as they are written there.

    Paths and the targets of hard links are raw (``./a``, ``/a``, ``a/``). ``where`` names the archive in errors,
    ``origin`` goes into each entry. The archive ends with a block of zeros or with the file. Raises `LayerInvalid` when
    it is damaged or cut.
    """
    with _opened(source, where) as archive:
        yield from _Reader(archive, where, origin)


@dataclass(frozen=True, slots=True)
class _Archive:
    """Random access to the bytes of an archive, and contents made of them."""

    size: int
    read: Callable[[int, int], bytes]
    span: Callable[[int, int], FileSpan | Inline]


@contextmanager
def _opened(source: FileSpan | Inline, where: str) -> Iterator[_Archive]:
    if isinstance(source, Inline):
        data = source.data
        yield _Archive(len(data), lambda at, size: data[at : at + size], lambda at, size: Inline(data[at : at + size]))
        return
    path, start, length, digest = source.path, source.offset, source.size, source.digest
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LayerInvalid(f"cannot read '{path}': {error.strerror}", where=where) from error
    try:
        yield _Archive(
            length,
            lambda at, size: os.pread(descriptor, max(0, min(size, length - at)), start + at),
            lambda at, size: FileSpan(path, start + at, size, digest),
        )
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Extensions:
    """What extension headers said about the next entry."""

    records: Mapping[str, bytes] = field(default_factory=dict)
    name: bytes = b""
    link: bytes = b""


class _Reader:
    """The state between two headers. ``_at`` is the offset of what comes next."""

    def __init__(self, archive: _Archive, where: str, origin: Origin) -> None:
        self._archive = archive
        self._where = where
        self._origin = origin
        self._globals: Mapping[str, bytes] = {}
        self._at = 0
        self._details = 0

    def __iter__(self) -> Iterator[Entry]:
        extensions = _Extensions()
        for _ in range(ENTRY_LIMIT):
            start = self._at
            if start >= self._archive.size or not (block := self._take(BLOCK_SIZE)).strip(b"\0"):
                return
            try:
                fields = _HEADER.unpack(block)
                _check_sum(block, fields[4])
                if fields[5] in _EXTENSIONS:
                    self._extend(extensions, fields)
                    continue
                entry = self._entry(block, fields, extensions)
            except ValueError as error:
                raise self._damage(start, error) from error
            yield entry
            extensions = _Extensions()
        raise self._fault(f"has more than {ENTRY_LIMIT} headers")

    def _fault(self, what: str) -> LayerInvalid:
        return LayerInvalid(f"the tar archive {what}", where=self._where)

    def _damage(self, at: int, error: ValueError) -> LayerInvalid:
        detail = f"the header at byte {at} {error}"
        if at:
            return self._fault(f"is damaged: {detail}")
        return LayerInvalid(f"this is no tar archive, or a damaged one: {detail}", where=self._where)

    def _take(self, size: int) -> bytes:
        """Return the next bytes and go on behind them."""
        data = self._archive.read(self._at, size)
        if len(data) < size:
            raise self._fault(f"is cut in the middle of an entry, at byte {self._archive.size}")
        self._at += size
        return data

    def _count_details(self, size: int) -> None:
        """Count bytes of memory that an entry takes beyond the usual."""
        self._details += size
        if self._details > _DETAIL_LIMIT:
            raise self._fault(f"has more than {_DETAIL_LIMIT >> 20} MiB of names, attributes and sparse maps")

    def _next_block(self) -> bytes:
        return self._take(BLOCK_SIZE)

    def _extend(self, extensions: _Extensions, fields: tuple[bytes, ...]) -> None:
        """Read the body of an extension header."""
        size = number(fields[2])
        if not 0 <= size <= _EXTENSION_LIMIT:
            raise ValueError(f"announces {size} bytes of attributes")
        self._count_details(size)
        body = self._take(padded(size))[:size]
        match fields[5]:
            case b"L":
                extensions.name = body.rstrip(b"\0")
            case b"K":
                extensions.link = body.rstrip(b"\0")
            case b"g":
                # what does not describe a file (git archives put the commit's id into "comment") is not passed on
                described = {key: value for key, value in records_of(body).items() if key in _INTERPRETED}
                self._globals = {**self._globals, **described}
            case _:
                extensions.records = records_of(body)

    def _entry(self, block: bytes, fields: tuple[bytes, ...], extensions: _Extensions) -> Entry:
        name, access, size, mtime, _, flag, link, rest = fields
        records = {**self._globals, **extensions.records} if self._globals else extensions.records
        mode, uid, gid = _access(access)
        tail = _tail(rest)
        path = _path(
            records.get("GNU.sparse.name") or records.get("path") or extensions.name or tail.prefix + text(name)
        )
        kind = _kind(flag, path)
        stored = decimal(records["size"]) if "size" in records else number(size)
        return Entry(
            path=path,
            kind=kind,
            mode=mode,
            uid=_owner("uid", records, uid),
            gid=_owner("gid", records, gid),
            mtime_ns=seconds(records["mtime"]) if "mtime" in records else number(mtime) * _SECOND,
            link=_path(records.get("linkpath") or extensions.link or text(link)),
            device=_device(tail) if kind in _DEVICES else _NO_DEVICE,
            content=self._content(block, records, stored) if kind is Kind.FILE else EMPTY,
            uname=_decode(records["uname"]) if "uname" in records else tail.uname,
            gname=_decode(records["gname"]) if "gname" in records else tail.gname,
            pax=_further(extensions.records) if extensions.records else (),
            origin=self._origin,
        )

    def _content(self, block: bytes, records: Mapping[str, bytes], stored: int) -> Content:
        """Return the data of a file and go on behind it; ``stored`` counts its bytes in the archive."""
        pieces = None
        if block[_FLAG] == _GNU_SPARSE:
            pieces, size = tar_sparse.old_map(block, self._next_block)
        elif any(key.startswith(_SPARSE_KEYS) for key in records):
            start = self._at
            pieces, size = tar_sparse.pax_map(records, self._next_block)
            stored -= self._at - start
        data = self._at
        if stored < 0 or (pieces is not None and tar_sparse.stored_size(pieces) > stored):
            raise ValueError("announces a size that makes no sense")
        if data + stored > self._archive.size:
            raise self._fault(f"is cut in the middle of an entry, at byte {self._archive.size}")
        self._at += padded(stored)
        if pieces is not None:
            self._count_details(len(pieces) * _PIECE_COST)
            return tar_sparse.content(pieces, size, lambda at, length: self._archive.span(data + at, length))
        return Content((self._archive.span(data, stored),)) if stored else EMPTY


@lru_cache(maxsize=256)
def _access(field: bytes) -> tuple[int, int, int]:
    """Return mode, user and group. Few values occur in one archive, as in `_tail`."""
    return number(field[:8]) & _MODE_BITS, number(field[8:16]), number(field[16:])


@dataclass(frozen=True, slots=True)
class _Tail:
    """The part of a header behind the link name. ``prefix`` is what the name continues, slash included."""

    uname: str
    gname: str
    device: tuple[int, int]
    prefix: bytes


@lru_cache(maxsize=256)
def _tail(field: bytes) -> _Tail:
    magic, uname, gname, major, minor, prefix = _TAIL.unpack(field)
    folder = text(prefix) if magic == _USTAR else b""
    numbers = (number(major), number(minor)) if magic.startswith(_USTAR[:5]) else _NO_DEVICE
    return _Tail(_decode(text(uname)), _decode(text(gname)), numbers, folder + b"/" if folder else b"")


def _check_sum(block: bytes, field: bytes) -> None:
    """Refuse a block that is not a header. The sum counts its own field as blanks; old programs summed signed bytes."""
    wanted = number(field)
    # the low half of Adler-32 is one more than the sum of all bytes: much faster than sum()
    excess = wanted + sum(field) - _BLANK_CHECKSUM - (zlib.adler32(block) & 0xFFFF) + 1
    if excess % _ADLER and (excess + 256 * sum(byte > 127 for byte in block)) % _ADLER:
        raise ValueError("has a wrong checksum")


def _decode(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _path(name: bytes) -> str:
    if len(name) > PATH_LIMIT:
        raise ValueError(f"has a path of more than {PATH_LIMIT} bytes")
    return _decode(name)


def _kind(flag: bytes, path: str) -> Kind:
    kind = _KINDS.get(flag)
    if kind is None:
        raise ValueError(f"has the type {quoted(flag)}, which is no kind of file")
    return Kind.DIRECTORY if kind is Kind.FILE and path.endswith("/") else kind


def _owner(key: str, records: Mapping[str, bytes], header_value: int) -> int:
    value = decimal(records[key]) if key in records else header_value
    if value < 0:
        raise ValueError(f"has the {key} {value}")
    return value


def _device(tail: _Tail) -> tuple[int, int]:
    if min(tail.device) < 0:
        raise ValueError(f"has the device number {tail.device[0]}:{tail.device[1]}")
    return tail.device


def _further(records: Mapping[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    """Return the records that are no fields of an entry, sorted: extended attributes and the like."""
    return tuple(
        (key, value)
        for key, value in sorted(records.items())
        if key not in _INTERPRETED and not key.startswith(_SPARSE_KEYS)
    )
