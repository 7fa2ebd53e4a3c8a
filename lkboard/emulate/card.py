"""The boot file system of a card, found as a Raspberry Pi's boot ROM finds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk.fat_reader import FatReader
from lkboard.disk.inspect import partitions
from lkboard.errors import BootFailed

if TYPE_CHECKING:
    from lkboard.disk.inspect import FoundPartition

# FAT12, FAT16 and FAT32 in a table of the MBR
_FAT_TYPES = frozenset({"01", "04", "06", "0b", "0c", "0e"})


def open_card(image: str) -> FatReader:
    """Return a reader of the first FAT partition. Raises `BootFailed` when the boot ROM would find none."""
    found = partitions(Path(image))
    boot = next((partition for partition in found if partition.type in _FAT_TYPES), None)
    if boot is None:
        raise BootFailed(f"the board finds no boot file system on the card: {_describe(found)}")
    return FatReader(Path(image), boot.start_bytes)


def _describe(found: tuple[FoundPartition, ...]) -> str:
    if any(len(partition.type) > 2 for partition in found):
        return "the partition table is a GPT, its boot ROM reads only an MBR"
    return "no partition has a FAT type (0c)"
