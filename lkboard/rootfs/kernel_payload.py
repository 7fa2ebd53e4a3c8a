"""Unwrap kernels: gzip files, EFI zboot images and bzImages hold the real kernel compressed (build.md 5.4 and 11).

Formats: Documentation/arch/x86/boot.rst (setup header) and drivers/firmware/efi/libstub/zboot-header.S in the kernel.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from typing import TYPE_CHECKING, Protocol

from lkboard.disk import content as contents
from lkboard.errors import ImageConflict
from lkboard.model.extents import Content
from lkboard.rootfs import lz4

if TYPE_CHECKING:
    from collections.abc import Callable

    class _Decompressor(Protocol):
        @property
        def eof(self) -> bool: ...

        def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


SIZE_LIMIT = 256 << 20
"""Bytes that a kernel may have and unpack to: both are in memory."""

_GZIP_WINDOW = 31
_ZSTD_PIECE = 1024
_BOOT_FLAG = struct.pack("<H", 0xAA55)
_BOOT_FLAG_AT, _HEADER_AT, _SETUP_SECTORS_AT, _PAYLOAD_AT = 0x1FE, 0x202, 0x1F1, 0x248
_BZIMAGE_SIZE = 0x250
_ZBOOT_SIZE = 16
_HEAD_SIZE = 4096
_SECTOR_SIZE = 512


def unwrap_kernel(kernel: Content) -> Content:
    """Return the kernel inside a compressed one; a kernel that is not wrapped is returned as it is.

    Raises `ImageConflict` when the compression is unknown or the data damaged, `BuildError` when it cannot be read.
    """
    if _payload(_head(kernel)) is None:
        return kernel
    if kernel.size > SIZE_LIMIT:
        raise ImageConflict(f"the kernel has more than {SIZE_LIMIT >> 20} MiB, although it is compressed")
    payload = _payload(contents.read(kernel))
    assert payload is not None
    for magic, name, unpack in _COMPRESSIONS:
        if payload.startswith(magic):
            return Content.of(_unpacked(payload, name, unpack))
    raise ImageConflict(f"the kernel's payload begins with {payload[:4].hex(' ')}, which is no compression known here")


def is_bzimage(kernel: Content) -> bool:
    """Return whether a kernel is packed as boot loaders of PCs take it: what is inside of it they cannot start."""
    return _has_setup(_head(kernel))


def _head(kernel: Content) -> bytes:
    """Return the bytes that tell what a kernel is: one that is not wrapped need not be in memory."""
    head = b""
    for chunk in contents.chunks(kernel, _HEAD_SIZE):
        head += chunk
        if len(head) >= _HEAD_SIZE:
            break
    return head


def _payload(data: bytes) -> bytes | None:
    """Return the compressed part of a kernel, None if it has none."""
    if data.startswith(b"MZ") and data.startswith(b"zimg", 4) and len(data) >= _ZBOOT_SIZE:
        offset, size = struct.unpack_from("<II", data, 8)
        return data[offset : offset + size]
    if _has_setup(data):
        offset, size = struct.unpack_from("<II", data, _PAYLOAD_AT)
        start = offset + (data[_SETUP_SECTORS_AT] + 1) * _SECTOR_SIZE
        return data[start : start + size]
    return data if any(data.startswith(magic) for magic, _name, _unpack in _COMPRESSIONS) else None


def _has_setup(data: bytes) -> bool:
    """Whether there is the setup header that a bzImage has (boot.rst, "The Real-Mode Kernel Header")."""
    is_marked = data.startswith(_BOOT_FLAG, _BOOT_FLAG_AT) and data.startswith(b"HdrS", _HEADER_AT)
    return is_marked and len(data) > _BZIMAGE_SIZE


def _unpacked(payload: bytes, name: str, unpack: Callable[[bytes], bytes]) -> bytes:
    try:
        data = unpack(payload)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise ImageConflict(f"the kernel's {name} payload is damaged: {error}") from error
    if len(data) > SIZE_LIMIT:
        raise ImageConflict(f"the kernel's {name} payload unpacks to more than {SIZE_LIMIT >> 20} MiB")
    return data


def _gunzip(payload: bytes) -> bytes:
    return _whole(zlib.decompressobj(_GZIP_WINDOW), payload)


def _unxz(payload: bytes) -> bytes:
    return _whole(lzma.LZMADecompressor(), payload)


def _unbzip2(payload: bytes) -> bytes:
    return _whole(bz2.BZ2Decompressor(), payload)


def _whole(decompressor: _Decompressor, payload: bytes) -> bytes:
    """Decompress one stream; a size that the kernel's build appends to it is ignored."""
    data = decompressor.decompress(payload, SIZE_LIMIT + 1)
    if not decompressor.eof and len(data) <= SIZE_LIMIT:
        raise ValueError("it is cut")
    return data


def _unzstd(payload: bytes) -> bytes:
    """Decompress one frame in pieces that become 32 MiB at most, as the decompressor knows no limit."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor().decompressobj()
    data = bytearray()
    try:
        for start in range(0, len(payload), _ZSTD_PIECE):
            data += decompressor.decompress(payload[start : start + _ZSTD_PIECE])
            if decompressor.eof or len(data) > SIZE_LIMIT:
                return bytes(data)
    except zstandard.ZstdError as error:
        raise ValueError(error) from error
    raise ValueError("it is cut")


def _unlz4(payload: bytes) -> bytes:
    return lz4.unpack(payload, SIZE_LIMIT)


_COMPRESSIONS: tuple[tuple[bytes, str, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", "gzip", _gunzip),
    (b"\x28\xb5\x2f\xfd", "zstd", _unzstd),
    (b"\xfd7zXZ\0", "xz", _unxz),
    (b"\x5d\0\0", "lzma", _unxz),
    (b"BZh", "bzip2", _unbzip2),
    (lz4.MAGIC, "lz4", _unlz4),
)
