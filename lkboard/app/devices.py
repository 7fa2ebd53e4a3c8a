"""List the block devices, each with the verdict on whether it may be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.devices.machine import Machine
    from lkboard.model.device import Assessment, BlockDevice


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device and the verdict on it."""

    device: BlockDevice
    assessment: Assessment


def list_devices(*, include_all: bool = False, machine: Machine | None = None) -> tuple[ListedDevice, ...]:
    """Return disks, cards and sticks with a medium; with ``include_all`` partitions and virtual devices as well.

    ``machine`` is this one unless another is given.
    """
    from lkboard.devices.assess import assess
    from lkboard.devices.machine import HOST
    from lkboard.devices.snapshot import snapshot

    listed = (ListedDevice(device, assess(device, 0)) for device in snapshot(machine or HOST))
    return tuple(item for item in listed if include_all or _is_of_interest(item.device))


def _is_of_interest(device: BlockDevice) -> bool:
    return bool(device.size_bytes) and not device.is_partition and not device.is_virtual
