"""May this device be written? One pure function, asked by the list, before the question, and before the first byte.

The rules and their numbers are those of writer.md section 2.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.model.device import SWAP, Assessment
from lkboard.model.units import human_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.device import BlockDevice

ALLOW_LOOP = "--allow-loop"
ALLOW_FIXED = "--allow-fixed"
_SYSTEM = ("/boot", "/efi", "/usr", "/var", "/home", "/nix", "/opt")
_SHOWN_MOUNTS = 4
"""Bind mounts can be dozens; the system's own come first."""
_CARD_TRANSPORTS = ("usb", "mmc")
_NOT_DISKS = (
    ("dm-", "a device-mapper volume"),
    ("md", "a RAID array"),
    ("zram", "compressed memory"),
    ("ram", "a RAM disk"),
    ("sr", "an optical drive"),
    ("fd", "a floppy drive"),
)
_MEMBERS = {
    "crypto_LUKS": "an encrypted volume (LUKS)",
    "LVM2_member": "an LVM physical volume",
    "linux_raid_member": "a member of a RAID array",
    "ddf_raid_member": "a member of a RAID array",
    "isw_raid_member": "a member of a RAID array",
    "zfs_member": "a member of a ZFS pool",
    "bcache": "a bcache device",
    "BitLocker": "an encrypted volume (BitLocker)",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user allows beyond removable cards and sticks; a device above the limit is taken for a data disk."""

    allow_loop: bool = False
    allow_fixed: bool = False
    limit_bytes: int = 256 * 10**9


def assess(device: BlockDevice, image_size: int, policy: Policy = Policy()) -> Assessment:
    """Judge a device for an image of ``image_size`` bytes (0: not known yet)."""
    refusals = (*_wrong_kind(device), *_in_use(device), *_unwritable(device, image_size))
    if refusals:
        return Assessment("refused", refusals)
    if device.is_loop:
        return _overridable(("it is a loop device",), ALLOW_LOOP, is_allowed=policy.allow_loop)
    return _overridable(tuple(_doubtful(device, policy)), ALLOW_FIXED, is_allowed=policy.allow_fixed)


def _overridable(reasons: tuple[str, ...], option: str, *, is_allowed: bool) -> Assessment:
    if not reasons or is_allowed:
        return Assessment("allowed", reasons)
    return Assessment("needs_override", reasons, option)


def _wrong_kind(device: BlockDevice) -> Iterator[str]:
    """Rule 1: only whole disks."""
    name = device.path.rsplit("/", 1)[-1]
    kind = next((words for prefix, words in _NOT_DISKS if name.startswith(prefix)), "")
    if device.is_partition:
        yield "it is a partition, not a whole device"
    elif kind:
        yield f"it is {kind}"
    elif device.is_virtual and not device.is_loop:
        yield "it is a virtual device"


def _in_use(device: BlockDevice) -> Iterator[str]:
    """Rule 2: nothing on it, or built on it, is mounted, swapped on or held."""
    mounts = sorted(device.mounts, key=lambda mount: not is_system_place(mount.path))
    for mount in mounts[:_SHOWN_MOUNTS]:
        if mount.path == SWAP:
            yield f"{mount.device} is active swap"
        elif is_system_place(mount.path):
            yield f"it holds the running system: {mount.device} is mounted at {mount.path}"
        else:
            yield f"{mount.device} is mounted at {mount.path}"
    if len(mounts) > _SHOWN_MOUNTS:
        yield f"and {len(mounts) - _SHOWN_MOUNTS} more mounts"
    yield from (f"it is in use by {holder}" for holder in device.holders)


def is_system_place(place: str) -> bool:
    """Return whether a mount point belongs to the running system."""
    return place == "/" or any(place == system or place.startswith(system + "/") for system in _SYSTEM)


def _unwritable(device: BlockDevice, image_size: int) -> Iterator[str]:
    """Rule 3: the medium can be written and the image fits, to the byte."""
    if not device.size_bytes:
        yield "there is no medium in it"
        return
    if device.is_read_only:
        yield "it is read-only (look for a switch on the card)"
    if image_size > device.size_bytes:
        missing = image_size - device.size_bytes
        yield (
            f"it is too small: the image has {human_size(image_size)}, the device {human_size(device.size_bytes)}"
            f" ({missing} bytes are missing)"
        )


def _doubtful(device: BlockDevice, policy: Policy) -> Iterator[str]:
    """Rules 5 and 6: it may be somebody's data disk."""
    if not device.is_removable and device.transport not in _CARD_TRANSPORTS:
        yield "it is a built-in disk: neither removable nor on USB or a card slot"
    if device.size_bytes > policy.limit_bytes:
        yield f"it is larger than {human_size(policy.limit_bytes)}, as data disks are"
    for volume in device.contents:
        if volume.filesystem in _MEMBERS:
            yield f"{volume.path} is {_MEMBERS[volume.filesystem]}"
