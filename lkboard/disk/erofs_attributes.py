"""Extended attributes behind an inode of erofs (struct erofs_xattr_ibody_header, fs/erofs/erofs_fs.h in Linux)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lkboard.disk.content import encode
from lkboard.errors import BuildError

if TYPE_CHECKING:
    from lkboard.model.rootfs import Entry

_RECORD = "SCHILY.xattr."
_PREFIXES = (
    (b"user.", 1),
    (b"system.posix_acl_access", 2),
    (b"system.posix_acl_default", 3),
    (b"trusted.", 4),
    (b"security.", 6),
)
_HEADER_SIZE = 12
_UNIT = 4
_NAME_MAX = (1 << 8) - 1
_VALUE_MAX = _UNITS_MAX = (1 << 16) - 1
_HINT = "remove it from its image, or choose another format"


def area_of(entry: Entry) -> bytes:
    """Return what stands behind the inode of an entry, nothing when it has no extended attribute.

    Names of other systems, which no file of Linux has, are left out. Raises `BuildError` for what does not fit.
    """
    records = sorted(
        (encode(name.removeprefix(_RECORD)), value) for name, value in entry.pax if name.startswith(_RECORD)
    )
    packed = b"".join(_packed(entry.path, name, value) for name, value in records)
    if not packed:
        return b""
    area = bytes(_HEADER_SIZE) + packed
    if unit_count(area) > _UNITS_MAX:
        message = f"'{entry.path}' has {len(area) >> 10} KiB of extended attributes, and erofs holds 255 KiB"
        raise BuildError(message, hint=_HINT)
    return area


def unit_count(area: bytes) -> int:
    """Return the size of an area as an inode has it: the header is one, and then every four bytes."""
    return (len(area) - _HEADER_SIZE) // _UNIT + 1 if area else 0


def _packed(path: str, name: bytes, value: bytes) -> bytes:
    """Return the record of one attribute (struct erofs_xattr_entry)."""
    index, rest = next(
        ((index, name[len(prefix) :]) for prefix, index in _PREFIXES if name.startswith(prefix)), (0, b"")
    )
    if not index:
        return b""
    if len(rest) > _NAME_MAX or len(value) > _VALUE_MAX:
        shown = name[:80].decode("utf-8", "replace")
        raise BuildError(f"'{path}' has an extended attribute '{shown}' that is too large for erofs", hint=_HINT)
    record = struct.pack("<BBH", len(rest), index, len(value)) + rest + value
    return record + bytes(-len(record) % _UNIT)
