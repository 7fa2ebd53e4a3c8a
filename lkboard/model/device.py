"""A block device as it is now, and whether it may be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SWAP = "[swap]"
"""What stands for the mount point of active swap."""


@dataclass(frozen=True, slots=True)
class MountPoint:
    """A place where a device, one of its partitions or something on top of them is mounted, or `SWAP`."""

    path: str
    device: str


@dataclass(frozen=True, slots=True)
class Volume:
    """What a device or one of its partitions holds now; ``filesystem`` is udev's name (``vfat``, ``crypto_LUKS``)."""

    path: str
    size_bytes: int
    filesystem: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """A snapshot of one block device (sysfs). ``size_bytes`` is 0 without a medium; ``number`` is (major, minor).

    ``id`` is what ``--yes-erase`` asks for: serial number or WWN; the path of a loop device; empty if it has none.
    ``diskseq`` is the kernel's count of media changes (0 when unknown): it tells a swapped card from the chosen one.
    ``location`` is where it is plugged in (its folder in sysfs). ``holders`` are devices that are stacked on it or its
    partitions (``dm-0 (cryptroot)``), ``contents`` its partitions, or the file system on the whole of it.
    """

    path: str
    number: tuple[int, int]
    size_bytes: int
    id: str
    vendor: str = ""
    model: str = ""
    transport: str = ""
    is_removable: bool = False
    is_read_only: bool = False
    is_partition: bool = False
    is_loop: bool = False
    is_virtual: bool = False
    diskseq: int = 0
    location: str = ""
    sector_size: int = 512
    mounts: tuple[MountPoint, ...] = ()
    holders: tuple[str, ...] = ()
    contents: tuple[Volume, ...] = ()

    @property
    def title(self) -> str:
        """Vendor and model as one text, or the path."""
        return " ".join(part for part in (self.vendor, self.model) if part) or self.path

    @property
    def is_disk_with_medium(self) -> bool:
        """Whether it is a whole, real disk, card or stick, and no empty reader."""
        return bool(self.size_bytes) and not self.is_partition and not self.is_virtual


@dataclass(frozen=True, slots=True)
class Assessment:
    """May this device be written? ``needs_override`` names the option that would allow it; ``reasons`` say why not."""

    verdict: Literal["allowed", "needs_override", "refused"]
    reasons: tuple[str, ...] = ()
    override: str = ""
