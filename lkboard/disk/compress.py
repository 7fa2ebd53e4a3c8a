"""Compressors whose bytes are the same on every machine (decisions 5 and 15)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP_LEVEL = 1
PART_LEVEL = 2
"""Of zlib-ng: about the speed and the size of libdeflate at its level 1 (libs.md section 3)."""

_RAW_WINDOW = -15
_HEAD = bytes.fromhex("1f8b08 00 00000000 04 ff")
"""Magic, deflate, no flags, no time, fastest algorithm, unknown system (RFC 1952, section 2.3)."""

_LAST_BLOCK = bytes.fromhex("0300")
"""A final block without data (RFC 1951, section 3.2.6)."""


def gzip_member(data: bytes | memoryview) -> bytes:
    """Return one gzip member (RFC 1952) without file name and time, as the kernel's initramfs unpacker wants it.

    Releases the interpreter's lock while it works, so members can be made in parallel.
    """
    import deflate

    return bytes(deflate.gzip_compress(data, GZIP_LEVEL))


def zlib_stream(data: bytes | memoryview) -> bytes:
    """Return one zlib stream (RFC 1950). Otherwise as `gzip_member`."""
    import deflate

    return bytes(deflate.zlib_compress(data, GZIP_LEVEL))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a gzip member: whole deflate blocks, and the CRC-32 and the size in bytes of what they stand for."""

    packed: bytes
    crc: int
    size: int


def gzip_part(data: bytes | memoryview) -> Part:
    """Compress a part of a member that is too large to be made at once; parts can be made in parallel as well."""
    from zlib_ng import zlib_ng

    compressor = zlib_ng.compressobj(PART_LEVEL, zlib_ng.DEFLATED, _RAW_WINDOW)
    packed = compressor.compress(data) + compressor.flush(zlib_ng.Z_SYNC_FLUSH)
    return Part(packed, zlib.crc32(data), len(data))


def joined_parts(parts: Iterable[Part]) -> Iterator[bytes]:
    """Yield the bytes of one gzip member that is made of parts, otherwise as `gzip_member`."""
    from zlib_ng import zlib_ng

    crc = size = 0
    yield _HEAD
    for part in parts:
        crc, size = zlib_ng.crc32_combine(crc, part.crc, part.size), size + part.size
        yield part.packed
    yield _LAST_BLOCK + struct.pack("<II", crc, size & 0xFFFF_FFFF)


def compressors() -> str:
    """Return what has a say in the bytes that are made here, for keys of what is kept."""
    import deflate
    from zlib_ng import zlib_ng

    return f"libdeflate {deflate.__version__} {GZIP_LEVEL} zlib-ng {zlib_ng.ZLIBNG_RUNTIME_VERSION} {PART_LEVEL}"
