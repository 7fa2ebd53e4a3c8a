"""El Torito: how a BIOS or UEFI finds what to start on a disc.

Source: "El Torito" Bootable CD-ROM Format Specification, version 1.0; the platform of UEFI is from the UEFI
specification, section 13.3.2.1; the boot info table is that of mkisofs (``-boot-info-table``).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

_PLATFORMS = {"bios": 0x00, "uefi": 0xEF}
_BOOTABLE = 0x88
_KEY = 0xAA55
_VALIDATION, _ENTRY = "<BBH24sHH", "<BBHBBHI20s"
_TABLE_OFFSET, _TABLE_SIZE = 8, 56
_VOLUME_BLOCK = 16


@dataclass(frozen=True, slots=True)
class BootImage:
    """What is started: a file of the volume, in full or its first ``load_sectors`` sectors of 512 bytes."""

    path: str
    platform: Literal["bios", "uefi"]
    load_sectors: int


def record(catalog_block: int) -> bytes:
    """Return the volume descriptor that says where the catalog is."""
    return struct.pack("<B5sB32s32xI", 0, b"CD001", 1, b"EL TORITO SPECIFICATION", catalog_block)


def catalog(image: BootImage, block: int) -> bytes:
    """Return the catalog with the one image, whose file starts at ``block``. No disk is emulated."""
    platform = _PLATFORMS[image.platform]
    blank = struct.pack(_VALIDATION, 1, platform, 0, b"", 0, _KEY)
    total = sum(struct.unpack("<16H", blank))
    validation = struct.pack(_VALIDATION, 1, platform, 0, b"", -total & 0xFFFF, _KEY)
    return validation + struct.pack(_ENTRY, _BOOTABLE, 0, 0, 0, 0, image.load_sectors, block, b"")


def with_info_table(program: bytes, block: int) -> bytes:
    """Return a boot program that is told where its file is: the BIOS loads only the beginning."""
    start = _TABLE_OFFSET + _TABLE_SIZE
    padded = program[start:].ljust(-(-(len(program) - start) // 4) * 4, b"\0")
    total = sum(struct.unpack(f"<{len(padded) // 4}I", padded)) & 0xFFFF_FFFF
    table = struct.pack("<IIII", _VOLUME_BLOCK, block, len(program), total).ljust(_TABLE_SIZE, b"\0")
    return program[:_TABLE_OFFSET] + table + program[start:]
