"""Compressors whose bytes are the same on every machine (decisions: written gzip is libdeflate level 1)."""

from __future__ import annotations

GZIP_LEVEL = 1


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
