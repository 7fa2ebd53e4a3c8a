"""What kernels say about their architecture, whatever this machine is."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest
from support.pi_cards import ARM64_IMAGE

from lkboard.emulate.kernel_header import kernel_architecture
from lkboard.errors import EmulationError
from lkboard.model.architecture import host_architecture

if TYPE_CHECKING:
    from pathlib import Path

BZIMAGE = bytes(0x202) + b"HdrS" + bytes(64)
RISCV_IMAGE = bytes(0x38) + b"RSC\x05" + bytes(64)


def uefi_program(machine: int, *, mark: bytes = b"", offset: int = 0x80) -> bytes:
    """Return the headers of a PE program; ``mark`` is what zboot has behind the magic (zboot-header.S)."""
    head = b"MZ\0\0" + mark.ljust(0x38, b"\0") + struct.pack("<I", offset)
    return head.ljust(offset, b"\0") + b"PE\0\0" + struct.pack("<H", machine) + bytes(18)


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, machine) + bytes(44)


@pytest.mark.parametrize(
    ("head", "architecture"),
    [
        (BZIMAGE, "amd64"),
        (ARM64_IMAGE, "arm64"),
        (RISCV_IMAGE, "riscv64"),
        (gzip.compress(ARM64_IMAGE + bytes(range(256)) * 4096), "arm64"),
        (uefi_program(0xAA64, mark=b"zimg"), "arm64"),
        (uefi_program(0x8664), "amd64"),
        (uefi_program(0x5064, offset=0x40), "riscv64"),
        (elf(62), "amd64"),
        (elf(183), "arm64"),
    ],
    ids=["bzImage", "Image", "riscv", "Image.gz", "zboot", "uki", "uefi riscv", "vmlinux", "vmlinux arm64"],
)
@pytest.mark.parametrize("host", ["x86_64", "aarch64"])
def test_a_kernels_header_names_its_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes, architecture: str, host: str
) -> None:
    monkeypatch.setattr("platform.machine", lambda: host)
    (tmp_path / "kernel").write_bytes(head)
    assert kernel_architecture(str(tmp_path / "kernel")) == architecture


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"MZ",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\xff\xff",
        gzip.compress(b"text"),
        b"\x7fELF",
        elf(22),
        uefi_program(0x1234),
        uefi_program(0xAA64)[:0x80],
        b"MZ".ljust(0x3C, b"\0") + b"\xff" * 4,
        bytes(8192),
    ],
)
def test_one_that_does_not_say_is_asked_for(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "kernel").write_bytes(head)
    with pytest.raises(EmulationError, match=r"kernel: the kernel does not say which .* \(add --arch amd64 or --arch "):
        kernel_architecture(str(tmp_path / "kernel"))


def test_a_linker_says_it_as_well() -> None:
    """The header of a program that is not made here: that of Python itself."""
    assert kernel_architecture("/proc/self/exe") == host_architecture()
