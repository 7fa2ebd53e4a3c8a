"""The header of a GUID partition table and its checksum (UEFI specification, section 5.3.2).

There are two of them on a disk: one in sector 1, the other, whose copy of the entries is in front of it, in the last.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

ENTRY = struct.Struct("<16s16sQQQ72s")
"""Type, partition GUID, first and last sector, attributes, name in UTF-16."""

_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_SIGNATURE = b"EFI PART"
_REVISION = 0x10000
_ENTRIES_SIZE_MAX = 1 << 20
_CRC = slice(16, 20)


class WrongChecksum(ValueError):
    """A sector looks like a header, but its checksum is wrong."""


@dataclass(frozen=True, slots=True)
class GptHeader:
    """The fields of a header, in the order in which they are stored. All but sizes and counts are sector numbers."""

    sector: int
    other_sector: int
    first_usable: int
    last_usable: int
    disk_guid: bytes
    entries_sector: int
    entry_count: int
    entry_size: int
    entries_crc: int

    @property
    def entries_size(self) -> int:
        """The size of the entries in bytes; 0 when their number or size makes no sense."""
        size = self.entry_count * self.entry_size
        return size if self.entry_size >= ENTRY.size and size <= _ENTRIES_SIZE_MAX else 0

    def matches(self, entries: bytes) -> bool:
        """Return whether these are the entries that the header was made for."""
        return zlib.crc32(entries) == self.entries_crc

    def pack(self, sector_size: int) -> bytes:
        """Return the sector that holds the header, with its checksum."""
        return self._pack(zlib.crc32(self._pack(0))).ljust(sector_size, b"\0")

    def _pack(self, crc: int) -> bytes:
        return _HEADER.pack(
            *(_SIGNATURE, _REVISION, _HEADER.size, crc, 0),
            *(self.sector, self.other_sector, self.first_usable, self.last_usable, self.disk_guid),
            *(self.entries_sector, self.entry_count, self.entry_size, self.entries_crc),
        )


def read_header(data: bytes, sector: int) -> GptHeader | None:
    """Return the header in the bytes of a sector, None where there is none. Raises `WrongChecksum`."""
    signature, _revision, size, crc, _reserved, own_sector, *others = _HEADER.unpack_from(data)
    if signature != _SIGNATURE or own_sector != sector or not _HEADER.size <= size <= len(data):
        return None
    head = bytearray(data[:size])
    head[_CRC] = bytes(4)
    if zlib.crc32(head) != crc:
        raise WrongChecksum
    return GptHeader(own_sector, *others)
