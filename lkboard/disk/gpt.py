"""GUID partition tables (UEFI specification, section 5.3)."""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.disk import SECTOR_SIZE

if TYPE_CHECKING:
    from lkboard.model.disk import DiskLayout, Partition

SIGNATURE = b"EFI PART"
HEADER_FORMAT = "<8s4sIIIQQQQ16sQIII"
"""Signature, revision, header size, header CRC, reserved, this and the other header's sector, first and last usable
sector, disk GUID, first sector of the entries, their number, size and CRC."""

HEADER_SIZE = struct.calcsize(HEADER_FORMAT)
ENTRY_FORMAT = "<16s16sQQQ72s"
"""Type, partition GUID, first and last sector, attributes, name in UTF-16."""

ENTRY_COUNT = 128
ENTRY_SIZE = struct.calcsize(ENTRY_FORMAT)
ENTRIES_SECTORS = ENTRY_COUNT * ENTRY_SIZE // SECTOR_SIZE
HEAD_SECTORS = 2 + ENTRIES_SECTORS
"""Sectors before the first usable one: protective MBR, header, entries."""

TAIL_SECTORS = 1 + ENTRIES_SECTORS
"""Sectors behind the last usable one: entries, backup header."""

_REVISION = b"\0\0\1\0"
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
    usable = HEAD_SECTORS, layout.total_sectors - TAIL_SECTORS - 1
    disk_guid = uuid.UUID(layout.disk_id).bytes_le
    entries_crc = zlib.crc32(entries)

    def packed(crc: int) -> bytes:
        return struct.pack(
            HEADER_FORMAT,
            *(SIGNATURE, _REVISION, HEADER_SIZE, crc, 0, sector, other, *usable, disk_guid),
            *(entries_sector, ENTRY_COUNT, ENTRY_SIZE, entries_crc),
        )

    return packed(zlib.crc32(packed(0))).ljust(SECTOR_SIZE, b"\0")


def _entries(layout: DiskLayout) -> bytes:
    table = bytearray(ENTRY_COUNT * ENTRY_SIZE)
    for partition in layout.partitions:
        struct.pack_into(ENTRY_FORMAT, table, (partition.number - 1) * ENTRY_SIZE, *_entry_fields(partition))
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
