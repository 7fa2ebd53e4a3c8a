"""Raspberry Pi cards made by other programs (mtools, sfdisk), to be read by lkboard."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MIB = 1 << 20

ARM64_IMAGE = bytes(0x38) + b"ARM\x64" + bytes(64)
"""The least that counts as a raw arm64 kernel (Documentation/arch/arm64/booting.rst)."""

CONFIG_TXT = "arm_64bit=1\nupstream_kernel=1\nkernel=kernel8.img\ninitramfs initrd.img followkernel\n"

PI_FILES: Mapping[str, bytes] = {
    "bootcode.bin": b"1",
    "start.elf": b"2",
    "fixup.dat": b"3",
    "config.txt": CONFIG_TXT.encode(),
    "cmdline.txt": b"console=ttyS1,115200 quiet\nsecond line\n",
    "kernel8.img": ARM64_IMAGE,
    "initrd.img": b"initrd",
    "bcm2837-rpi-3-b.dtb": b"tree",
}
"""What a Raspberry Pi 3 needs on its card."""


def make_pi_card(path: Path, files: Mapping[str, bytes], *, table: str = "label: dos\n2048,,c,*\n") -> Path:
    """Make a card of 37 MiB with one FAT32 file system at 1 MiB; ``table`` is a script for sfdisk."""
    need("mformat", "mmd", "mcopy", "sfdisk")
    with path.open("wb") as file:
        file.truncate(37 * _MIB)
    _run(["sfdisk", "--quiet", str(path)], table.encode())
    volume = f"{path}@@1M"
    _run(["mformat", "-i", volume, "-F", "-c", "1", "-T", str(36 * _MIB // 512), "-h", "16", "-s", "63", "::"])
    for folder in {name.rpartition("/")[0] for name in files} - {""}:
        _run(["mmd", "-i", volume, f"::{folder}"])
    for name, data in files.items():
        _run(["mcopy", "-i", volume, "-", f"::{name}"], data)
    return path


def _run(command: list[str], data: bytes = b"") -> None:
    subprocess.run(command, input=data, check=True, capture_output=True)
