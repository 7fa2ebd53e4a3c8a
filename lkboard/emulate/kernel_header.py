"""Which architecture a kernel file is for, as its header says.

Sources: Documentation/arch/x86/boot.rst (``HdrS``), Documentation/arch/arm64/booting.rst and
Documentation/arch/riscv/boot-image-header.rst in the kernel, Microsoft's "PE Format" for kernels that are UEFI programs
(also compressed ones, "zboot"), and elf(5).
"""

from __future__ import annotations

import zlib
from pathlib import Path

from lkboard.errors import EmulationError

_HEAD_SIZE = 4096
_GZIP_WINDOW = 31
_MAGICS = ((0x202, b"HdrS", "amd64"), (0x38, b"ARM\x64", "arm64"), (0x38, b"RSC\x05", "riscv64"))
_PE_OFFSET_AT = 0x3C
_PE_MACHINES = {0x8664: "amd64", 0xAA64: "arm64", 0x5064: "riscv64"}
_ELF_MACHINE_AT = 18
_ELF_MACHINES = {62: "amd64", 183: "arm64", 243: "riscv64"}


def kernel_architecture(kernel: str) -> str:
    """Return the architecture of a kernel file in Go's names. Raises `EmulationError` when its header tells none."""
    with Path(kernel).open("rb") as file:
        head = _unpacked(file.read(_HEAD_SIZE))
    named = next((name for offset, magic, name in _MAGICS if head.startswith(magic, offset)), "")
    architecture = named or _pe_architecture(head) or _elf_architecture(head)
    if not architecture:
        raise EmulationError(
            "the kernel does not say which architecture it is for",
            where=kernel,
            hint="add --arch amd64 or --arch arm64",
        )
    return architecture


def _unpacked(head: bytes) -> bytes:
    """Return the beginning of what a gzip file holds; other beginnings as they are."""
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(head, _HEAD_SIZE)
    except zlib.error:
        return head


def _pe_architecture(head: bytes) -> str:
    offset = int.from_bytes(head[_PE_OFFSET_AT : _PE_OFFSET_AT + 4], "little")
    if not head.startswith(b"MZ") or not head.startswith(b"PE\0\0", offset):
        return ""
    return _PE_MACHINES.get(int.from_bytes(head[offset + 4 : offset + 6], "little"), "")


def _elf_architecture(head: bytes) -> str:
    if not head.startswith(b"\x7fELF"):
        return ""
    return _ELF_MACHINES.get(int.from_bytes(head[_ELF_MACHINE_AT : _ELF_MACHINE_AT + 2], "little"), "")
