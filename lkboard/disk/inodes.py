"""The names and numbers that files of Linux can have; what is above would be cut without a word, and mean others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk.content import encode
from lkboard.errors import BuildError
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from lkboard.model.rootfs import Entry

NAME_MAX = 255
"""Bytes of one name in a path (include/uapi/linux/limits.h)."""

_OWNER_MAX = (1 << 32) - 2
"""The number above it means "nobody is set" (INVALID_UID in include/linux/uidgid.h)."""

_DEVICE_MAX = (1 << 12) - 1, (1 << 20) - 1
"""Major and minor number (include/linux/kdev_t.h)."""

_TYPES = {
    Kind.FILE: 0o100000,
    Kind.SYMLINK: 0o120000,
    Kind.CHAR: 0o020000,
    Kind.BLOCK: 0o060000,
    Kind.DIRECTORY: 0o040000,
    Kind.FIFO: 0o010000,
}


def mode_of(inode: Entry) -> int:
    """Return type and permissions (include/uapi/linux/stat.h) of what is no hard link."""
    return _TYPES[inode.kind] | inode.mode & 0o7777


def put_by(entry: Entry) -> str | None:
    """Return who put an entry into the root: a place in the config and an image, as far as they are known."""
    return " ".join(filter(None, (entry.origin.location, entry.origin.source))) or None


def check_name(entry: Entry, longest: int = NAME_MAX) -> None:
    """Raise `BuildError` when a name in the path of an entry has more than ``longest`` bytes."""
    if len(encode(entry.path)) <= longest:
        return
    for name in entry.path.split("/"):
        if (size := len(encode(name))) > longest:
            raise BuildError(
                f"'{entry.path}' has a name of {size} bytes; what Linux reads has at most {longest}",
                where=put_by(entry),
                hint="rename it in its image or in 'files'",
            )


def check_numbers(path: str, inode: Entry) -> None:
    """Raise `BuildError` when Linux can have no file with the owners or the device number of an entry.

    ``path`` is the name that is told; an inode has several when there are hard links.
    """
    if max(inode.uid, inode.gid) > _OWNER_MAX:
        raise BuildError(
            f"'{path}' belongs to {inode.uid}:{inode.gid}, and numbers of owners end at {_OWNER_MAX}",
            where=put_by(inode),
            hint="give it another owner in its image or in 'files'",
        )
    major, minor = inode.device
    if major > _DEVICE_MAX[0] or minor > _DEVICE_MAX[1]:
        raise BuildError(
            f"'{path}' is the device {major}:{minor}, and their numbers end at {_DEVICE_MAX[0]}:{_DEVICE_MAX[1]}",
            where=put_by(inode),
            hint="remove it from its image",
        )
