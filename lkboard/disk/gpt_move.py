"""Fit an image with a GPT to a larger device: the backup GPT belongs to the device's last sectors.

Source: UEFI specification 2.10, sections 5.2.3 (protective MBR) and 5.3.2 (GPT header).
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkboard.disk.window import MapReader, overlay
from lkboard.model.extents import Extent, Inline, Zeros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.extents import ExtentMap

# signature, revision, header size, CRC, reserved, my LBA, alternate LBA, first and last usable LBA, disk GUID,
# entries' LBA, number and size of entries, CRC of entries
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_SIGNATURE = b"EFI PART"
_SECTOR_SIZES = (512, 4096)
_PROTECTIVE = 0xEE
_MBR_ENTRIES, _MBR_ENTRY_SIZE = 446, 16


@dataclass(frozen=True, slots=True)
class _Gpt:
    """A GPT header and what is around it. Offsets count sectors."""

    sector_size: int
    first_usable: int
    last_usable: int
    my_sector: int
    alternate_sector: int
    entries_sector: int
    disk_guid: bytes
    count: int
    entry_size: int
    entries: bytes

    @property
    def entry_sectors(self) -> int:
        """Sectors that the table of partitions takes."""
        return -(-len(self.entries) // self.sector_size)

    def packed(self) -> bytes:
        """Return the header's sector."""

        def pack(checksum: int) -> bytes:
            return _HEADER.pack(
                _SIGNATURE, 0x10000, _HEADER.size, checksum, 0, self.my_sector, self.alternate_sector,
                self.first_usable, self.last_usable, self.disk_guid, self.entries_sector, self.count, self.entry_size,
                binascii.crc32(self.entries),
            )  # fmt: skip

        return pack(binascii.crc32(pack(0))).ljust(self.sector_size, b"\0")


def fit_gpt(image: ExtentMap, device_size: int) -> ExtentMap:
    """Return the image with its backup GPT at the end of ``device_size`` bytes; as it is when it has no valid GPT.

    Where the backup was becomes zero, so that no tool finds a second one. Raises `BuildError` when the image cannot be
    read.
    """
    if device_size <= image.size:
        return image
    with MapReader(image) as reader:
        gpt = next((found for size in _SECTOR_SIZES if (found := _read(reader, size, 1, image.size))), None)
        if gpt is None:
            return image
        return overlay(image, _changes(reader, gpt, image.size, device_size), device_size)


def sector_size_of_gpt(image: ExtentMap) -> int:
    """Return the size of the sectors in which an image's GPT counts, 0 without one. Raises `BuildError`."""
    with MapReader(image) as reader:
        return next((size for size in _SECTOR_SIZES if _read(reader, size, 1, image.size)), 0)


def _changes(reader: MapReader, gpt: _Gpt, image_size: int, device_size: int) -> Iterator[Extent]:
    sector = gpt.sector_size
    last = device_size // sector - 1
    backup_entries = last - gpt.entry_sectors
    primary = replace(gpt, alternate_sector=last, last_usable=backup_entries - 1)
    backup = replace(primary, my_sector=last, alternate_sector=1, entries_sector=backup_entries)
    yield Extent(0, Inline(_protective_mbr(reader.read(0, sector), last)))
    yield Extent(sector, Inline(primary.packed()))
    old = _read(reader, sector, gpt.alternate_sector, image_size)
    if old is not None:
        start = max(old.entries_sector, old.last_usable + 1) * sector
        end = min((gpt.alternate_sector + 1) * sector, backup_entries * sector)
        if start < end:
            yield Extent(start, Zeros(end - start))
    yield Extent(
        backup_entries * sector, Inline(gpt.entries.ljust(gpt.entry_sectors * sector, b"\0") + backup.packed())
    )


def _read(reader: MapReader, sector_size: int, number: int, image_size: int) -> _Gpt | None:
    """Return the valid GPT whose header is in a sector, with its entries."""
    if number < 1 or (number + 1) * sector_size > image_size:
        return None
    raw = reader.read(number * sector_size, sector_size)
    (signature, _revision, header_size, checksum, _reserved, my_sector, alternate, first, last, guid, entries_sector,
     count, entry_size, entries_checksum) = _HEADER.unpack_from(raw)  # fmt: skip
    if signature != _SIGNATURE or my_sector != number or not _HEADER.size <= header_size <= sector_size:
        return None
    if binascii.crc32(raw[:16] + bytes(4) + raw[20:header_size]) != checksum:
        return None
    size = count * entry_size
    if size > 1 << 20 or entries_sector * sector_size + size > image_size:
        return None
    entries = reader.read(entries_sector * sector_size, size)
    if binascii.crc32(entries) != entries_checksum:
        return None
    return _Gpt(
        sector_size, first, last, my_sector, alternate, entries_sector, guid, count, entry_size, entries
    )  # fmt: skip


def _protective_mbr(sector: bytes, last_sector: int) -> bytes:
    """Return the first sector with the protective partition grown to the device's end."""
    result = bytearray(sector)
    for offset in range(_MBR_ENTRIES, _MBR_ENTRIES + 4 * _MBR_ENTRY_SIZE, _MBR_ENTRY_SIZE):
        if sector[offset + 4] == _PROTECTIVE:
            start = int.from_bytes(sector[offset + 8 : offset + 12], "little")
            size = min(last_sector + 1 - start, 0xFFFF_FFFF)
            result[offset + 12 : offset + 16] = size.to_bytes(4, "little")
    return bytes(result)
