"""The little of ELF that the kit needs: sections by name, and what a dynamic object asks for (ELF-64, gABI 4.1).

Only 64-bit little-endian objects are read: both architectures of the kit are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

_IDENT = b"\x7fELF\x02\x01"
_FILE_HEADER = struct.Struct("<16x HHI QQQ I HHHHHH")
_SECTION_HEADER = struct.Struct("<II QQQQ II QQ")
_PROGRAM_HEADER = struct.Struct("<II QQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME = 0, 1, 5, 14

Bytes = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Dynamic:
    """What the loader reads of an object: the libraries it needs, its own name, the loader it wants (or empty)."""

    needed: tuple[str, ...] = ()
    soname: str = ""
    interpreter: str = ""


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def is_elf(data: Bytes) -> bool:
    """Whether these are the bytes of an object that this module reads."""
    return bytes(data[: len(_IDENT)]) == _IDENT


def section(data: Bytes, name: str) -> bytes:
    """Return a section's bytes, empty when there is no such section. Raises `BuildError` for a damaged object."""
    header = _file_header(data)
    table, entry_size, count, names_index = header[5], header[10], header[11], header[12]
    try:
        headers = [_SECTION_HEADER.unpack_from(data, table + index * entry_size) for index in range(count)]
        names = headers[names_index][4] if headers else 0
        for fields in headers:
            if _text(data, names + fields[0]) == name:
                return bytes(data[fields[4] : fields[4] + fields[5]])
    except (struct.error, IndexError, OverflowError) as error:
        raise BuildError("an ELF object is damaged: its section headers are cut off") from error
    return b""


def dynamic(data: Bytes) -> Dynamic:
    """Return what a program or library asks of the loader; nothing for a static one. Raises `BuildError`."""
    try:
        segments = tuple(_segments(data))
        tags = tuple(_dynamic_tags(data, segments))
        strings = next((_file_offset(value, segments) for tag, value in tags if tag == _DT_STRTAB), 0)
        return Dynamic(
            needed=tuple(_text(data, strings + value) for tag, value in tags if tag == _DT_NEEDED),
            soname=next((_text(data, strings + value) for tag, value in tags if tag == _DT_SONAME), ""),
            interpreter=next((_text(data, part.offset) for part in segments if part.kind == _PT_INTERP), ""),
        )
    except (struct.error, IndexError, OverflowError) as error:
        raise BuildError("an ELF object is damaged: its program headers are cut off") from error


def _file_header(data: Bytes) -> tuple[int, ...]:
    if not is_elf(data) or len(data) < _FILE_HEADER.size:
        raise BuildError("not a 64-bit little-endian ELF object")
    return _FILE_HEADER.unpack_from(data)


def _segments(data: Bytes) -> Iterator[_Segment]:
    header = _file_header(data)
    table, entry_size, count = header[4], header[8], header[9]
    for index in range(count):
        kind, _flags, offset, address, _physical, size, _memory, _align = _PROGRAM_HEADER.unpack_from(
            data, table + index * entry_size
        )
        yield _Segment(kind, offset, address, size)


def _dynamic_tags(data: Bytes, segments: tuple[_Segment, ...]) -> Iterator[tuple[int, int]]:
    for part in segments:
        if part.kind != _PT_DYNAMIC:
            continue
        for offset in range(part.offset, part.offset + part.size, _DYNAMIC.size):
            tag, value = _DYNAMIC.unpack_from(data, offset)
            if tag == _DT_NULL:
                return
            yield tag, value


def _file_offset(address: int, segments: tuple[_Segment, ...]) -> int:
    """Turn an address in memory into an offset in the file."""
    for part in segments:
        if part.kind == _PT_LOAD and part.address <= address < part.address + part.size:
            return address - part.address + part.offset
    raise IndexError(address)


def _text(data: Bytes, offset: int) -> str:
    """Return the NUL-terminated text at an offset."""
    end = offset
    while data[end]:
        end += 1
    return bytes(data[offset:end]).decode("utf-8", "surrogateescape")
