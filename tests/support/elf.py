"""Tiny ELF objects, just right for a reader: a kernel module's sections, a program's dynamic table."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_IDENT = b"\x7fELF\x02\x01\x01" + bytes(9)
_BASE = 0x400000


def module(*fields: str, sections: Mapping[str, bytes] | None = None) -> bytes:
    """Return a kernel module whose ``.modinfo`` has these ``key=value`` fields."""
    info = b"".join(field.encode() + b"\0" for field in fields)
    return relocatable({".text": b"\x90" * 8, ".modinfo": info, **(sections or {})})


def relocatable(sections: Mapping[str, bytes]) -> bytes:
    """Return an object with these sections, the names' table last."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (*sections, ".shstrtab"))
    contents = {**sections, ".shstrtab": names}
    body, headers, at = b"", [bytes(_SECTION.size)], _HEADER.size
    for name, data in contents.items():
        offset = names.index(b"\0" + name.encode() + b"\0") + 1
        headers.append(_SECTION.pack(offset, 1, 0, 0, at + len(body), len(data), 0, 0, 1, 0))
        body += data
    header = _HEADER.pack(
        _IDENT, 1, 62, 1, 0, 0, at + len(body), 0, 64, 0, 0, _SECTION.size, len(headers), len(headers) - 1
    )
    return header + body + b"".join(headers)


def dynamic(needed: Sequence[str] = (), *, soname: str = "", interpreter: str = "", salt: str = "") -> bytes:
    """Return a program or library with a dynamic table. ``salt`` makes objects differ."""
    strings = b"\0" + b"".join(text.encode() + b"\0" for text in (*needed, soname, salt))
    tags = [(1, strings.index(b"\0" + name.encode() + b"\0") + 1) for name in needed]
    if soname:
        tags.append((14, strings.index(b"\0" + soname.encode() + b"\0") + 1))
    loader = interpreter.encode() + b"\0" if interpreter else b""
    count = 3 if loader else 2
    loader_at = _HEADER.size + count * _PROGRAM.size
    strings_at = loader_at + len(loader)
    table_at = strings_at + len(strings)
    tags += [(5, _BASE + strings_at), (0, 0)]
    table = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    size = table_at + len(table)
    programs = [_program(1, 0, size), _program(2, table_at, len(table))]
    if loader:
        programs.append(_program(3, loader_at, len(loader)))
    header = _HEADER.pack(_IDENT, 3, 62, 1, 0, _HEADER.size, 0, 0, 64, _PROGRAM.size, count, 0, 0, 0)
    return header + b"".join(programs) + loader + strings + table


def _program(kind: int, offset: int, size: int) -> bytes:
    return _PROGRAM.pack(kind, 4, offset, _BASE + offset, _BASE + offset, size, size, 1)
