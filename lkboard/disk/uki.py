"""Unified kernel images: a UEFI program to which kernel, initrd and command line are joined as sections.

Sources: the UAPI group's "Unified Kernel Image" specification for the sections, Microsoft's "PE Format" for headers and
section table, boot.md section 2.4 for what boots.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from lkboard.errors import BuildError
from lkboard.model.extents import Content, Extent, ExtentMap, Inline, place

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOS_MAGIC, _PE_MAGIC, _PE32_PLUS_MAGIC = b"MZ", b"PE\0\0", 0x20B
_PE_OFFSET_AT = 0x3C
_FILE_HEADER = struct.Struct("<4s2xHIIIHH")
"""Magic, (machine), sections, time, symbol table's offset, symbols, size of the optional header, characteristics."""

_SECTION_COUNT_AT = 6
# offsets in the optional header of a 64-bit program
_SECTION_ALIGNMENT_AT, _FILE_ALIGNMENT_AT, _IMAGE_SIZE_AT, _HEADERS_SIZE_AT, _CHECKSUM_AT = 32, 36, 56, 60, 64
_OPTIONAL_HEADER_SIZE = 112

_SECTION = struct.Struct("<8sIIII12xI")
"""Name, size, address, size in the file, offset in the file, (relocations), characteristics."""

_READABLE_DATA = 0x4000_0040
_PAGE_SIZE = 4096
_NAME_SIZE = 8
_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True)
class Section:
    """A named part of a program; at most eight ASCII characters (``.linux``)."""

    name: str
    content: Content


def plan(stub: bytes, sections: Sequence[Section]) -> ExtentMap:
    """Return the program ``stub`` with sections behind its own, in their order.

    Raises `BuildError` when the stub is no 64-bit PE program, has no room for the sections or has one of them already,
    and when the program would become larger than 4 GiB.
    """
    head = _Head(stub)
    size, address = head.end, head.end_address
    extents: list[Extent] = []
    records: list[bytes] = []
    for section in sections:
        address = _align(address, max(head.section_alignment, _PAGE_SIZE))
        offset = _align(size, head.file_alignment)
        length = section.content.size
        size = offset + _align(length, head.file_alignment)
        if max(size, address + length) >= _LIMIT:
            raise BuildError("kernel and initrd together are too large for one program: the limit is 4 GiB")
        name = section.name.encode()
        records.append(_SECTION.pack(name, length, address, size - offset, offset, _READABLE_DATA))
        extents += place(section.content, offset)
        address += length
    return ExtentMap((Extent(0, Inline(head.extended(records, address))), *extents), size)


class _Head:
    """The headers of a stub."""

    def __init__(self, stub: bytes) -> None:
        self._stub = stub
        if len(stub) < _PE_OFFSET_AT + 4 or not stub.startswith(_DOS_MAGIC):
            _refuse("is not a PE program")
        (self._at,) = struct.unpack_from("<I", stub, _PE_OFFSET_AT)
        self._optional_at = self._at + _FILE_HEADER.size
        if self._optional_at + _OPTIONAL_HEADER_SIZE > len(stub):
            _refuse("is cut off")
        magic, self._count, _time, _symbols_at, _symbols, optional_size, _flags = _FILE_HEADER.unpack_from(
            stub, self._at
        )
        if magic != _PE_MAGIC or self._number(0) & 0xFFFF != _PE32_PLUS_MAGIC:
            _refuse("is not a 64-bit PE program")
        self.section_alignment = self._number(_SECTION_ALIGNMENT_AT)
        self.file_alignment = self._number(_FILE_ALIGNMENT_AT)
        if not (_is_power_of_2(self.section_alignment) and _is_power_of_2(self.file_alignment)):
            _refuse("has alignments that are not powers of two")
        self._table_at = self._optional_at + optional_size
        self._read_sections()

    def _number(self, offset: int) -> int:
        number: int
        (number,) = struct.unpack_from("<I", self._stub, self._optional_at + offset)
        return number

    def _read_sections(self) -> None:
        """Find out what is taken: names, file offsets and addresses."""
        end = self._table_at + self._count * _SECTION.size
        if end > len(self._stub):
            _refuse("is cut off")
        found = list(_SECTION.iter_unpack(self._stub[self._table_at : end]))
        starts = [offset for _name, _size, _address, file_size, offset, _flags in found if file_size]
        self._names = {name.rstrip(b"\0") for name, *_rest in found}
        self._table_end = min([self._number(_HEADERS_SIZE_AT), *starts])
        self.end = max([len(self._stub), *(offset + size for _name, _size, _address, size, offset, _flags in found)])
        self.end_address = max([0, *(address + size for _name, size, address, *_rest in found)])

    def extended(self, records: Sequence[bytes], end_address: int) -> bytes:
        """Return the stub with further section records. Its checksum would no longer be right: 0 says "none"."""
        added = b"".join(records)
        at = self._table_at + self._count * _SECTION.size
        for record in records:
            name = record[:_NAME_SIZE].rstrip(b"\0")
            if name in self._names:
                _refuse(f"has a section '{name.decode()}' already")
        if at + len(added) > self._table_end:
            _refuse(f"has no room for {len(records)} more sections")
        stub = bytearray(self._stub)
        stub[at : at + len(added)] = added
        struct.pack_into("<H", stub, self._at + _SECTION_COUNT_AT, self._count + len(records))
        struct.pack_into("<I", stub, self._optional_at + _IMAGE_SIZE_AT, _align(end_address, self.section_alignment))
        struct.pack_into("<I", stub, self._optional_at + _CHECKSUM_AT, 0)
        return bytes(stub)


def _refuse(what: str) -> NoReturn:
    raise BuildError(
        f"the board's UKI stub {what}", hint="take linux….efi.stub of the package systemd-boot-efi as 'uki-stub'"
    )


def _is_power_of_2(number: int) -> bool:
    return number.bit_count() == 1


def _align(number: int, step: int) -> int:
    return -(-number // step) * step
