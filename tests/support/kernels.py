"""Kernels as builds of Linux wrap them."""

from __future__ import annotations

import struct


def bzimage(payload: bytes, *, plain_size: int = 0) -> bytes:
    """Return a boot image as arch/x86/boot lays it out: two setup sectors, code, payload and its plain size."""
    setup = bytearray(3 * 512)
    setup[0x1F1] = 2
    setup[0x1FE:0x200] = b"\x55\xaa"
    setup[0x202:0x206] = b"HdrS"
    setup[0x248:0x250] = struct.pack("<II", 100, len(payload) + 4)
    return bytes(setup) + b"c" * 100 + payload + struct.pack("<I", plain_size) + b"signature"
