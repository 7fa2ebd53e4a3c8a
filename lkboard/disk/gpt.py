"""GUID partition tables (UEFI specification, section 5.3)."""

from __future__ import annotations

import uuid
import zlib
from typing import TYPE_CHECKING

from lkboard.disk.gpt_header import ENTRY, GptHeader
from lkboard.errors import BuildError
from lkboard.model.disk import SECTOR_SIZE

if TYPE_CHECKING:
    from lkboard.model.disk import DiskLayout, Partition

ENTRY_COUNT = 128
ENTRIES_SECTORS = ENTRY_COUNT * ENTRY.size // SECTOR_SIZE
HEAD_SECTORS = 2 + ENTRIES_SECTORS
"""Sectors before the first usable one: protective MBR, header, entries."""

TAIL_SECTORS = 1 + ENTRIES_SECTORS
"""Sectors behind the last usable one: entries, backup header."""

_NAME_UNITS = 36
_LEGACY_BOOTABLE = 1 << 2


def primary(layout: DiskLayout) -> bytes:
    """Return header and entries, for sector 1 on. Raises `BuildError` for what a GPT cannot hold."""
    entries = _entries(layout)
    return _header(layout, entries, sector=1, other=layout.total_sectors - 1, entries_sector=2) + entries


def backup(layout: DiskLayout) -> bytes:
    """Return entries and header, for the last 33 sectors. Raises `BuildError` as `primary` does."""
    entries = _entries(layout)
    last = layout.total_sectors - 1
    return entries + _header(layout, entries, sector=last, other=1, entries_sector=last - ENTRIES_SECTORS)


def _header(layout: DiskLayout, entries: bytes, *, sector: int, other: int, entries_sector: int) -> bytes:
    header = GptHeader(
        sector=sector,
        other_sector=other,
        first_usable=HEAD_SECTORS,
        last_usable=layout.total_sectors - TAIL_SECTORS - 1,
        disk_guid=uuid.UUID(layout.disk_id).bytes_le,
        entries_sector=entries_sector,
        entry_count=ENTRY_COUNT,
        entry_size=ENTRY.size,
        entries_crc=zlib.crc32(entries),
    )
    return header.pack(SECTOR_SIZE)


def _entries(layout: DiskLayout) -> bytes:
    table = bytearray(ENTRY_COUNT * ENTRY.size)
    for partition in layout.partitions:
        ENTRY.pack_into(table, (partition.number - 1) * ENTRY.size, *_entry_fields(partition))
    return bytes(table)


def _entry_fields(partition: Partition) -> tuple[bytes, bytes, int, int, int, bytes]:
    name = partition.name.encode("utf-16-le")
    if len(name) > 2 * _NAME_UNITS:
        raise BuildError(f"the partition name '{partition.name}' has more than {_NAME_UNITS} characters")
    return (
        uuid.UUID(partition.type).bytes_le,
        uuid.UUID(partition.unique_id).bytes_le,
        partition.start_sector,
        partition.start_sector + partition.size_sectors - 1,
        _LEGACY_BOOTABLE if partition.is_active else 0,
        name,
    )
