"""List the block devices, each with the verdict on whether it may be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.device import Assessment, BlockDevice


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device and the verdict on it."""

    device: BlockDevice
    assessment: Assessment


def list_devices(*, include_all: bool = False) -> tuple[ListedDevice, ...]:
    """Return disks, cards and sticks with a medium; with ``include_all`` partitions and virtual devices as well."""
    from lkboard.devices.assess import assess
    from lkboard.devices.snapshot import snapshot

    listed = (ListedDevice(device, assess(device, 0)) for device in snapshot())
    return tuple(item for item in listed if include_all or item.device.is_disk_with_medium)
