"""Read the partition table of a disk image or device.

Sources: UEFI specification, sections 5.2 (MBR) and 5.3 (GPT).
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from lkboard.disk.gpt_header import ENTRY, GptHeader, WrongChecksum, read_header
from lkboard.disk.mbr import PROTECTIVE_TYPE
from lkboard.errors import DiskInvalid
from lkboard.model.disk import SECTOR_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECTORS_MAX = (1 << 63) // SECTOR_SIZE
"""Sectors of which the offset in bytes fits a file position."""


@dataclass(frozen=True, slots=True)
class FoundPartition:
    """A partition as it is on a disk, in bytes. ``type`` is a GUID (GPT) or two hexadecimal digits (MBR)."""

    number: int
    start_bytes: int
    size_bytes: int
    type: str
    name: str = ""


def partitions(path: Path) -> tuple[FoundPartition, ...]:
    """Return the partitions of an image or device in the order of their numbers.

    Checks both headers and the entries of a GPT. Of an MBR the primary partitions are returned, an extended one as it
    is. Raises `DiskInvalid` when there is no table or it is damaged.
    """
    try:
        with path.open("rb") as file:
            found = tuple(_partitions(file))
    except OSError as error:
        raise DiskInvalid(f"cannot be read: {error.strerror}", where=path) from error
    except _TableError as error:
        raise DiskInvalid(str(error), where=path, hint="build or download the image again") from error
    return found


class _TableError(Exception):
    """What is wrong with a table."""


def _partitions(file: BinaryIO) -> Iterator[FoundPartition]:
    sector = _read(file, 0, SECTOR_SIZE)
    entries = [struct.unpack_from("<B3xB3xII", sector, 446 + 16 * index) for index in range(4)]
    is_table = sector[510:] == b"\x55\xaa" and all(status in {0, 0x80} for status, *_ in entries)
    if not is_table or not any(kind for _, kind, *_ in entries):
        raise _TableError("has no partition table")
    if any(kind == PROTECTIVE_TYPE for _, kind, *_ in entries):
        yield from _gpt_partitions(file)
        return
    for number, (_, kind, start, size) in enumerate(entries, start=1):
        if kind:
            yield FoundPartition(number, start * SECTOR_SIZE, size * SECTOR_SIZE, f"{kind:02x}")


def _gpt_partitions(file: BinaryIO) -> Iterator[FoundPartition]:
    primary = _header(file, 1)
    entries = _entries(file, primary)
    backup = _header(file, primary.other_sector)
    if backup.other_sector != primary.sector or _entries(file, backup) != entries:
        raise _TableError("has two partition tables (GPT) that differ")
    for number in range(1, primary.entry_count + 1):
        kind, _id, first, last, _flags, name = ENTRY.unpack_from(entries, (number - 1) * primary.entry_size)
        if any(kind):
            if not first <= last < _SECTORS_MAX:
                raise _TableError(f"has a partition table (GPT) whose partition {number} makes no sense")
            yield FoundPartition(
                number=number,
                start_bytes=first * SECTOR_SIZE,
                size_bytes=(last - first + 1) * SECTOR_SIZE,
                type=str(uuid.UUID(bytes_le=kind)).upper(),
                name=name.decode("utf-16-le", "replace").partition("\0")[0],
            )


def _header(file: BinaryIO, sector: int) -> GptHeader:
    try:
        header = read_header(_read(file, sector * SECTOR_SIZE, SECTOR_SIZE), sector)
    except WrongChecksum:
        raise _TableError(f"has a damaged partition table (GPT header in sector {sector}: wrong checksum)") from None
    if header is None:
        raise _TableError(f"has no partition table (GPT) in sector {sector}")
    return header


def _entries(file: BinaryIO, header: GptHeader) -> bytes:
    if not header.entries_size:
        raise _TableError("has a partition table (GPT) with impossible sizes")
    data = _read(file, header.entries_sector * SECTOR_SIZE, header.entries_size)
    if not header.matches(data):
        raise _TableError(f"has a damaged partition table (GPT header in sector {header.sector}: wrong entries)")
    return data


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    data = b""
    if offset < _SECTORS_MAX * SECTOR_SIZE:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise _TableError("is too short for its partition table" if offset else "has no partition table")
    return data
