"""Fit an image with a GPT to a larger device: the backup GPT belongs to the device's last sectors.

Source: UEFI specification 2.10, sections 5.2.3 (protective MBR) and 5.3.2 (GPT header).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkboard.disk.gpt_header import GptHeader, WrongChecksum, read_header
from lkboard.disk.mbr import PROTECTIVE_TYPE
from lkboard.disk.window import MapReader, overlay
from lkboard.model.extents import Extent, Inline, Zeros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.extents import ExtentMap

_SECTOR_SIZES = (512, 4096)
_MBR_ENTRIES, _MBR_ENTRY_SIZE = 446, 16


@dataclass(frozen=True, slots=True)
class _Gpt:
    """A valid GPT: one of its headers, and its entries."""

    sector_size: int
    header: GptHeader
    entries: bytes

    @property
    def entry_sectors(self) -> int:
        """Sectors that the entries take."""
        return -(-len(self.entries) // self.sector_size)


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
    primary = replace(gpt.header, other_sector=last, last_usable=backup_entries - 1)
    backup = replace(primary, sector=last, other_sector=1, entries_sector=backup_entries)
    yield Extent(0, Inline(_protective_mbr(reader.read(0, sector), last)))
    yield Extent(sector, Inline(primary.pack(sector)))
    old = _read(reader, sector, gpt.header.other_sector, image_size)
    if old is not None:
        start = max(old.header.entries_sector, old.header.last_usable + 1) * sector
        end = min((old.header.sector + 1) * sector, backup_entries * sector)
        if start < end:
            yield Extent(start, Zeros(end - start))
    entries = gpt.entries.ljust(gpt.entry_sectors * sector, b"\0")
    yield Extent(backup_entries * sector, Inline(entries + backup.pack(sector)))


def _read(reader: MapReader, sector_size: int, number: int, image_size: int) -> _Gpt | None:
    """Return the valid GPT whose header is in a sector, with its entries."""
    if number < 1 or (number + 1) * sector_size > image_size:
        return None
    try:
        header = read_header(reader.read(number * sector_size, sector_size), number)
    except WrongChecksum:
        return None
    if header is None:
        return None
    size = header.entries_size
    if not size or header.entries_sector * sector_size + size > image_size:
        return None
    entries = reader.read(header.entries_sector * sector_size, size)
    return _Gpt(sector_size, header, entries) if header.matches(entries) else None


def _protective_mbr(sector: bytes, last_sector: int) -> bytes:
    """Return the first sector with the protective partition grown to the device's end."""
    result = bytearray(sector)
    for offset in range(_MBR_ENTRIES, _MBR_ENTRIES + 4 * _MBR_ENTRY_SIZE, _MBR_ENTRY_SIZE):
        start = int.from_bytes(sector[offset + 8 : offset + 12], "little")
        if sector[offset + 4] == PROTECTIVE_TYPE and start <= last_sector:
            size = min(last_sector + 1 - start, 0xFFFF_FFFF)
            result[offset + 12 : offset + 16] = size.to_bytes(4, "little")
    return bytes(result)
