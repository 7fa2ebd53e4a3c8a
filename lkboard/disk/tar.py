"""Tar archives in the POSIX pax format, byte for byte as the reference writes them (build.md section 5.1)."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from lkboard.disk.content import encode
from lkboard.errors import BuildError
from lkboard.model.extents import EMPTY, Content, ExtentMap, Inline, place
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lkboard.model.extents import Source
    from lkboard.model.rootfs import Entry

_BLOCK_SIZE = 512
_END = bytes(2 * _BLOCK_SIZE)
_NAME_SIZE = 100
_OWNER_NAME_SIZE = 32
_SECOND = 1_000_000_000
_MAX_7_DIGITS = 0o7777777
_MAX_11_DIGITS = 0o77777777777
# name, mode, uid, gid, size, time, checksum, type, link, magic and version, user, group, device numbers; what is
# shorter than its field is filled up with NUL
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s167x")
_MAGIC = b"ustar\x0000"
_CHECKSUM_AT, _CHECKSUM_SIZE = 148, 8
_NO_DEVICE = b"", b""


def plan(entries: Sequence[Entry], *, with_origin: bool = True) -> ExtentMap:
    """Return an archive of entries in their order.

    ``with_origin`` adds the records LINUXKIT.source and LINUXKIT.location to entries that have an origin. Raises
    `BuildError` when an entry does not fit the format.
    """
    parts: list[Source] = []
    padding = 0
    for entry in entries:
        data = _data(entry)
        head = _Head(partial(_headers, entry, padding, with_origin=with_origin))
        parts += (head, *(part for part in data.parts if part.size))
        padding = -data.size % _BLOCK_SIZE
    whole = Content((*parts, Inline(bytes(padding) + _END)))
    return ExtentMap(place(whole, 0), whole.size)


class _Head(Inline):
    """The headers of an entry, made when they are asked for: kept, they would take more memory than everything else."""

    __slots__ = ("_make", "_size")
    _make: Callable[[], bytes]
    _size: int

    def __init__(self, make: Callable[[], bytes]) -> None:
        object.__setattr__(self, "_make", make)
        object.__setattr__(self, "_size", len(make()))

    @property
    def data(self) -> bytes:
        return self._make()

    @property
    def size(self) -> int:
        return self._size


def _data(entry: Entry) -> Content:
    return entry.content if entry.kind is Kind.FILE else EMPTY


def _headers(entry: Entry, padding: int, *, with_origin: bool) -> bytes:
    """Return the headers of an entry, behind the padding of the one before."""
    size = _data(entry).size
    return bytes(padding) + _extended_header(entry, size, with_origin=with_origin) + _entry_header(entry, size)


def _entry_header(entry: Entry, size: int) -> bytes:
    major, minor = entry.device
    if max(major, minor) > _MAX_7_DIGITS:
        raise BuildError(f"'{entry.path}' has a device number above {_MAX_7_DIGITS}, a tar cannot hold it")
    return _header(
        name=_ascii(encode(entry.path)),
        numbers=(entry.mode, entry.uid, entry.gid, size, entry.mtime_ns // _SECOND),
        kind=entry.kind.value,
        link=_ascii(encode(entry.link)),
        owners=(_ascii(encode(entry.uname)), _ascii(encode(entry.gname))),
        device=(_octal(major), _octal(minor)),
    )


def _extended_header(entry: Entry, size: int, *, with_origin: bool) -> bytes:
    """Return the "x" header with its records and padding; nothing if there is no record."""
    records = dict(entry.pax)
    records.update(_overflows(entry, size))
    if with_origin and entry.origin.source:
        records["LINUXKIT.source"] = encode(entry.origin.source)
        records["LINUXKIT.location"] = encode(entry.origin.location)
    if not records:
        return b""
    data = b"".join(_pax_record(encode(key), value) for key, value in sorted(records.items()))
    folder, slash, name = entry.path.rpartition("/")
    header_name = _ascii(encode(f"{folder}{slash}PaxHeaders.0/{name}"))[:_NAME_SIZE].rstrip(b"/")
    header = _header(name=header_name, numbers=(0, 0, 0, len(data), 0), kind="x")
    return header + data + _padding(len(data))


def _overflows(entry: Entry, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield a record for each field whose value the entry header cannot hold."""
    texts = (
        ("path", entry.path, _NAME_SIZE),
        ("linkpath", entry.link, _NAME_SIZE),
        ("uname", entry.uname, _OWNER_NAME_SIZE),
        ("gname", entry.gname, _OWNER_NAME_SIZE),
    )
    for key, text, limit in texts:
        if len(text) > limit or not text.isascii():
            yield key, encode(text)
    numbers = (("uid", entry.uid, _MAX_7_DIGITS), ("gid", entry.gid, _MAX_7_DIGITS), ("size", size, _MAX_11_DIGITS))
    for key, number, largest in numbers:
        if number > largest:
            yield key, str(number).encode()
    seconds, fraction = divmod(entry.mtime_ns, _SECOND)
    if fraction or not 0 <= seconds <= _MAX_11_DIGITS:
        yield "mtime", _time(entry.mtime_ns)


def _time(nanoseconds: int) -> bytes:
    """Return seconds with as many decimals as needed; the fraction counts away from zero."""
    seconds, fraction = divmod(abs(nanoseconds), _SECOND)
    sign = "-" if nanoseconds < 0 else ""
    decimals = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{sign}{seconds}{decimals}".encode()


def _pax_record(key: bytes, value: bytes) -> bytes:
    """Return length, key and value; the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _header(
    *,
    name: bytes,
    numbers: tuple[int, int, int, int, int],
    kind: str,
    link: bytes = b"",
    owners: tuple[bytes, bytes] = (b"", b""),
    device: tuple[bytes, bytes] = _NO_DEVICE,
) -> bytes:
    """Return one header block; ``numbers`` are mode, uid, gid, size and time. The prefix field stays empty."""
    mode, uid, gid, size, seconds = numbers
    block = _HEADER.pack(
        *(_cut(name, _NAME_SIZE), _octal(mode), _octal(uid), _octal(gid), _octal(size, 11), _octal(seconds, 11)),
        *(b" " * _CHECKSUM_SIZE, kind.encode(), _cut(link, _NAME_SIZE), _MAGIC, *owners, *device),
    )
    checksum = b"%06o\0 " % sum(block)
    return block[:_CHECKSUM_AT] + checksum + block[_CHECKSUM_AT + _CHECKSUM_SIZE :]


def _cut(value: bytes, size: int) -> bytes:
    """Return a text cut to a field, without the slash it may then end with: readers would take it for a folder."""
    if len(value) <= size or value[size - 1 : size] != b"/":
        return value[:size]
    field = bytearray(value[:size])
    field[len(field.rstrip(b"/"))] = 0
    return bytes(field)


def _octal(value: int, digits: int = 7) -> bytes:
    """Return the digits of a number field; zeros if the value does not fit, for a record has it then."""
    return b"%0*o" % (digits, value if 0 <= value < 8**digits else 0)


def _ascii(value: bytes) -> bytes:
    return value if value.isascii() else bytes(byte for byte in value if byte < 0x80)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK_SIZE)
