"""What the kernel tells and does about an open block device (linux/fs.h)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct

_BLKRRPART = 0x125F
_BLKFLSBUF = 0x1261
_BLKGETSIZE64 = 0x80081272
_BLKGETDISKSEQ = 0x80081280


def size_bytes(descriptor: int) -> int:
    """Return the size of a device. Raises OSError."""
    return _number(descriptor, _BLKGETSIZE64, "Q")


def diskseq(descriptor: int) -> int:
    """Return the kernel's count of media changes, 0 on kernels before 5.15, which have none."""
    with contextlib.suppress(OSError):
        return _number(descriptor, _BLKGETDISKSEQ, "Q")
    return 0


def drop_cache(descriptor: int) -> None:
    """Forget what the page cache holds of a device, after it was flushed. Raises OSError."""
    try:
        fcntl.ioctl(descriptor, _BLKFLSBUF)
    except PermissionError:  # for administrators only; users who may write can at least say that they need no page
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def reread_partitions(descriptor: int) -> bool:
    """Make the kernel read the partition table.

    Returns False where it does not: kinds of devices without partitions, a partition in use, no administrator. udev
    does it then, as soon as the descriptor is closed.
    """
    try:
        fcntl.ioctl(descriptor, _BLKRRPART)
    except OSError:
        return False
    return True


def _number(descriptor: int, request: int, form: str) -> int:
    buffer = fcntl.ioctl(descriptor, request, bytes(struct.calcsize(form)))
    number: int = struct.unpack(form, buffer)[0]
    return number
