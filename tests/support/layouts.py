"""Layout rules and disks for tests."""

from __future__ import annotations

from lkboard.model.board import LayoutRule, PartitionRule
from lkboard.model.disk import DiskLayout, Partition
from lkboard.model.extents import Content, ExtentMap, place

MIB = 1 << 20
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
BASIC_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"

CARD = LayoutRule("mbr", (PartitionRule("boot", "0c", "fat32", MIB, is_active=True),))
EFI_DISK = LayoutRule("gpt", (PartitionRule("EFI System", ESP, "fat32", MIB),))


def partition(number: int, start: int, size: int, type_: str, *, name: str = "", is_active: bool = False) -> Partition:
    """Return a partition (in sectors) whose content is its number all over its first sector."""
    content = ExtentMap(place(Content.of(bytes([number]) * 512), 0), size * 512)
    unique_id = f"00000000-0000-5000-8000-{number:012x}"
    return Partition(number, start, size, type_, name or f"part {number}", content, is_active, unique_id)


def gpt_disk(total: int, *partitions: Partition) -> DiskLayout:
    return DiskLayout("gpt", "12345678-9ABC-5DEF-8123-456789ABCDEF", total, partitions)


def mbr_disk(total: int, *partitions: Partition) -> DiskLayout:
    return DiskLayout("mbr", "deadbeef", total, partitions)
