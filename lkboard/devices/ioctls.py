"""What the kernel tells and does about an open block device (linux/fs.h)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import struct

_BLKRRPART = 0x125F
_BLKFLSBUF = 0x1261
_BLKSSZGET = 0x1268
_BLKGETSIZE64 = 0x80081272
_BLKGETDISKSEQ = 0x80081280


def size_bytes(descriptor: int) -> int:
    """Return the size of a device. Raises OSError."""
    return _number(descriptor, _BLKGETSIZE64, "Q")


def sector_size(descriptor: int) -> int:
    """Return the size in bytes of the smallest block that can be written. Raises OSError."""
    return _number(descriptor, _BLKSSZGET, "i")


def diskseq(descriptor: int) -> int:
    """Return the kernel's count of media changes, 0 on kernels before 5.15, which have none."""
    with contextlib.suppress(OSError):
        return _number(descriptor, _BLKGETDISKSEQ, "Q")
    return 0


def drop_cache(descriptor: int) -> None:
    """Write back and forget what the page cache holds of a device. Raises OSError."""
    fcntl.ioctl(descriptor, _BLKFLSBUF)


def reread_partitions(descriptor: int) -> bool:
    """Make the kernel read the partition table; False when it cannot (no partitions on this kind, or one is in use)."""
    try:
        fcntl.ioctl(descriptor, _BLKRRPART)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EBUSY):
            return False
        raise
    return True


def _number(descriptor: int, request: int, form: str) -> int:
    buffer = fcntl.ioctl(descriptor, request, bytes(struct.calcsize(form)))
    number: int = struct.unpack(form, buffer)[0]
    return number
