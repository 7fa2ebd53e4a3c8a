"""What is on a device, by its magic numbers: for machines without udev, whose database says it otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WINDOW = 0x11000
"""The last magic number looked for (btrfs) and its label end below this offset."""


@dataclass(frozen=True, slots=True)
class _Signature:
    """``name`` is udev's ``ID_FS_TYPE``; the label, if the format has one, is ``label_size`` bytes at ``label``."""

    name: str
    offset: int
    magic: bytes
    label: int = 0
    label_size: int = 0


# The containers first: what is inside a LUKS or a RAID member is not looked at.
_SIGNATURES = (
    _Signature("crypto_LUKS", 0, b"LUKS\xba\xbe"),
    _Signature("LVM2_member", 0x218, b"LVM2 001"),
    _Signature("linux_raid_member", 0x1000, b"\xfc\x4e\x2b\xa9"),
    _Signature("bcache", 0x1018, bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")),
    _Signature("btrfs", 0x10040, b"_BHRfS_M", 0x1012B, 256),
    _Signature("ext4", 0x438, b"\x53\xef", 0x478, 16),
    _Signature("xfs", 0, b"XFSB", 0x6C, 12),
    _Signature("ntfs", 3, b"NTFS    "),
    _Signature("exfat", 3, b"EXFAT   "),
    _Signature("squashfs", 0, b"hsqs"),
    _Signature("erofs", 0x400, b"\xe2\xe1\xf5\xe0"),
    _Signature("iso9660", 0x8001, b"CD001", 0x8028, 32),
    _Signature("swap", 0xFF6, b"SWAPSPACE2", 0x41C, 16),
    _Signature("vfat", 0x52, b"FAT32   ", 0x47, 11),
    _Signature("vfat", 0x36, b"FAT1", 0x2B, 11),
)


def probe(path: Path, offset: int = 0) -> tuple[str, str]:
    """Return the file system (udev's name) at a byte offset and its label; both empty when it cannot be told."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return "", ""
    try:
        start = os.pread(descriptor, _WINDOW, offset)
    except OSError:
        return "", ""
    finally:
        os.close(descriptor)
    return identify(start)


def identify(start: bytes) -> tuple[str, str]:
    """Return file system and label by the first bytes of a device."""
    for signature in _SIGNATURES:
        if start.startswith(signature.magic, signature.offset):
            label = start[signature.label : signature.label + signature.label_size]
            return signature.name, label.split(b"\0")[0].decode("utf-8", "replace").strip()
    return "", ""
