"""Is this still the device that the user chose? "sdb became sdc" must never happen (writer.md section 2.8)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lkboard.devices import ioctls
from lkboard.errors import SafetyRefused

if TYPE_CHECKING:
    from lkboard.model.device import BlockDevice

_AGAIN = "look again with 'lkboard devices', then repeat the command"


def differences(chosen: BlockDevice, found: BlockDevice) -> tuple[str, ...]:
    """Return what tells two snapshots of one path apart; empty when it is the same device with the same medium."""
    checks = (
        ("device number", chosen.number, found.number),
        ("serial number", chosen.id, found.id),
        ("size", chosen.size_bytes, found.size_bytes),
        ("place where it is plugged in", chosen.location, found.location),
        ("medium", chosen.diskseq, found.diskseq),
    )
    return tuple(f"{what} (was {old}, is {new})" for what, old, new in checks if old != new)


def check_same(chosen: BlockDevice, found: BlockDevice) -> None:
    """Raise `SafetyRefused` when a device is not the chosen one any more."""
    changed = differences(chosen, found)
    if changed:
        raise SafetyRefused(
            f"this is not the chosen device any more: another {', another '.join(changed)}",
            where=chosen.path,
            hint=_AGAIN,
        )


def check_open(descriptor: int, chosen: BlockDevice) -> None:
    """Raise `SafetyRefused` when an open descriptor does not lead to the chosen device. Raises OSError.

    The descriptor is asked, not the path: nothing can be exchanged behind it.
    """
    status = os.fstat(descriptor)
    number = (os.major(status.st_rdev), os.minor(status.st_rdev))
    is_same = (
        number == chosen.number
        and ioctls.size_bytes(descriptor) == chosen.size_bytes
        and ioctls.diskseq(descriptor) == chosen.diskseq
    )
    if not is_same:
        raise SafetyRefused("another device or medium is at this path now", where=chosen.path, hint=_AGAIN)
