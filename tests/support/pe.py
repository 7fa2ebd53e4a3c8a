"""A small PE program to join sections to, and what binutils sees in a joined one."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PE_AT = 0x80
_OPTIONAL_SIZE = 112 + 16 * 8
_TABLE_AT = _PE_AT + 24 + _OPTIONAL_SIZE
_CODE = b"\xc3" * 100


def program(
    *, headers_size: int = 0x400, alignment: int = 0x200, section: bytes = b".text", magic: int = 0x20B
) -> bytes:
    """Return a PE32+ program for x86-64 with one section of code."""
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", _PE_AT)
    file_header = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, 1, 0, 0, 0, _OPTIONAL_SIZE, 0x22E)
    optional = struct.pack("<HBBIIIII", magic, 2, 30, len(_CODE), 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QII", 0, alignment, 0x200)
    optional += struct.pack("<HHHHHHIIIIHH", 0, 0, 0, 0, 0, 0, 0, 0x2000, headers_size, 0x1234, 10, 0)
    optional += struct.pack("<QQQQII", 0, 0, 0, 0, 0, 16) + bytes(16 * 8)
    record = struct.pack("<8sIIII12xI", section, len(_CODE), 0x1000, 0x200, headers_size, 0x60000020)
    head = dos.ljust(_PE_AT, b"\0") + file_header + optional + record
    return head.ljust(headers_size, b"\0") + _CODE.ljust(0x200, b"\0")


def sections(path: Path) -> dict[str, tuple[int, int, int]]:
    """Return size, address and offset in the file of each section, by name and in order, as objdump reads them."""
    listing = subprocess.run(["objdump", "-h", path], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in listing.splitlines() if line.strip()[:1].isdigit()]
    return {
        name: (int(size, 16), int(address, 16), int(offset, 16)) for _n, name, size, address, _l, offset, *_ in rows
    }


def section_bytes(path: Path, name: str, folder: Path) -> bytes:
    """Return what objcopy takes out of a program."""
    out = folder / f"section{name}"
    subprocess.run(["objcopy", "-O", "binary", f"--only-section={name}", path, out], check=True)
    return out.read_bytes()


def headers(path: Path) -> dict[str, str]:
    """Return fields of the optional header as objdump prints them."""
    text = subprocess.run(["objdump", "-p", path], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2}
