"""Stand-ins for the files of grub-pc-bin, and what a core image holds, read without the code that makes it."""

from __future__ import annotations

import lzma
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTOR = 512


def elf_program(segment: bytes, *, offset: int = 128) -> bytes:
    """Return a 32-bit ELF program with one segment and something behind it that is not loaded."""
    header = struct.pack("<7s9xHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 3, 1, 0x9000, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    program = struct.pack("<8I", 1, offset, 0x9000, 0x9000, len(segment), len(segment) + 99, 7, 32)
    return (header + program).ljust(offset, b"\0") + segment + b"section headers"


FILES = {
    "boot.img": bytes(range(256)) * 2,
    "diskboot.img": b"D" * 500 + bytes(12),
    "cdboot.img": b"C" * 2048,
    "lzma_decompress.img": b"Z" * 700,
    "kernel.img": elf_program(b"GRUB's kernel" * 100),
    "fat.mod": b"\x7fELF fat.",
    "linux.mod": b"\x7fELF linux" * 50,
}


@dataclass(frozen=True, slots=True)
class Core:
    """What is in a core image: GRUB's kernel and its modules (type and bytes, with the padding)."""

    kernel: bytes
    modules: tuple[tuple[int, bytes], ...]
    payload: bytes


def read_core(image: bytes, *, program_size: int) -> Core:
    """Return what a core image unpacks to; ``program_size`` is that of ``lzma_decompress.img``."""
    start = SECTOR + program_size
    packed, size = struct.unpack_from("<II", image, SECTOR + 8)
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 2}]
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    payload = unpacker.decompress(image[start : start + packed], max_length=size)
    assert len(payload) == size
    modules_start = next(found for found in _places(payload, b"mimg") if _ends_right(payload, found))
    return Core(payload[:modules_start], tuple(_modules(payload, modules_start + 12)), payload)


def _places(data: bytes, text: bytes) -> Iterator[int]:
    place = data.find(text)
    while place >= 0:
        yield place
        place = data.find(text, place + 1)


def _ends_right(payload: bytes, place: int) -> bool:
    offset, size = struct.unpack_from("<II", payload, place + 4)
    return offset == 12 and place + size == len(payload)


def _modules(payload: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    while place < len(payload):
        kind, size = struct.unpack_from("<II", payload, place)
        yield kind, payload[place + 8 : place + size]
        place += size
