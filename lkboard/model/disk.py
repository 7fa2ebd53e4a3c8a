"""The plan of a disk: table, partitions, and what is in them. Offsets count sectors of 512 bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lkboard.model.extents import Content, ExtentMap

SECTOR_SIZE = 512
TableKind = Literal["mbr", "gpt"]


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition. ``type`` is two hexadecimal digits in an MBR, a GUID in a GPT (as is ``unique_id``)."""

    number: int
    start_sector: int
    size_sectors: int
    type: str
    name: str
    content: ExtentMap
    is_active: bool = False
    unique_id: str = ""


@dataclass(frozen=True, slots=True)
class RawBlob:
    """Bytes at a fixed place outside every partition (boot code, a boot loader in the gap). ``offset`` is in bytes."""

    offset: int
    content: Content


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """A whole disk. ``disk_id`` is eight hexadecimal digits for an MBR, a GUID for a GPT, made from the content."""

    table: TableKind
    disk_id: str
    total_sectors: int
    partitions: tuple[Partition, ...]
    raw: tuple[RawBlob, ...] = ()


@dataclass(frozen=True, slots=True)
class BootFile:
    """A file for a boot file system: ``path`` from its root with ``/`` between the parts, and its bytes."""

    path: str
    content: Content
