"""Partition tables of the master boot record: the last 72 bytes of sector 0 (UEFI specification, section 5.2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkboard.model.disk import Partition

TABLE_OFFSET = 440
"""Where the part that this module makes starts; boot code is in front of it."""

PROTECTIVE_TYPE = 0xEE
SIGNATURE = b"\x55\xaa"
ENTRY_FORMAT = "<B3sB3sII"
"""Status, first CHS address, type, last CHS address, first sector, sectors."""

_ENTRY_SIZE = 16
_ENTRY_COUNT = 4
_LIMIT = 1 << 32
_ACTIVE = 0x80
# An address that cylinders, heads and sectors cannot tell: readers use the sector numbers then
_CHS_NONE = b"\xfe\xff\xff"


def table(disk_id: str, partitions: Iterable[Partition]) -> bytes:
    """Return disk id, up to four primary partitions and the signature: 72 bytes for offset 440.

    Raises `BuildError` when there are more partitions, or one lies beyond 2 TiB.
    """
    entries = [b""] * _ENTRY_COUNT
    for partition in partitions:
        if partition.number > _ENTRY_COUNT:
            raise BuildError("an MBR has room for four partitions", hint="use a GPT in the board's layout")
        if partition.start_sector + partition.size_sectors > _LIMIT:
            raise BuildError(f"the partition '{partition.name}' ends above 2 TiB, the limit of an MBR")
        entries[partition.number - 1] = struct.pack(
            ENTRY_FORMAT,
            _ACTIVE if partition.is_active else 0,
            _CHS_NONE,
            int(partition.type, 16),
            _CHS_NONE,
            partition.start_sector,
            partition.size_sectors,
        )
    return _join(int(disk_id, 16), entries)


def protective(total_sectors: int) -> bytes:
    """Return the table that keeps old tools away from a disk with a GPT (UEFI specification, section 5.2.3)."""
    size = min(total_sectors - 1, _LIMIT - 1)
    entry = struct.pack(ENTRY_FORMAT, 0, b"\x00\x02\x00", PROTECTIVE_TYPE, b"\xff\xff\xff", 1, size)
    return _join(0, [entry])


def _join(disk_id: int, entries: list[bytes]) -> bytes:
    body = b"".join(entry.ljust(_ENTRY_SIZE, b"\0") for entry in entries).ljust(_ENTRY_COUNT * _ENTRY_SIZE, b"\0")
    return struct.pack("<IH", disk_id, 0) + body + SIGNATURE
