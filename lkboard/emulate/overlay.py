"""A throw-away layer over an image, so that no run ever changes the image itself."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lkboard.emulate.machine import Drive
from lkboard.emulate.programs import find_qemu_img
from lkboard.errors import EmulationError

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.emulate.medium import DiskImage


def make_overlay(image: DiskImage, folder: Path, *, is_sd: bool) -> Drive:
    """Make an overlay of an image in ``folder`` and return it.

    QEMU's SD controller takes cards of a power of two only: the overlay is padded, the image is not. Raises
    `EmulationError`.
    """
    size = _power_of_two(image.size_bytes) if is_sd else image.size_bytes
    path = folder / "overlay.qcow2"
    create_disk(path, "qcow2", size, backing=image.path)
    return Drive(str(path), "qcow2")


def create_disk(path: Path, disk_format: str, size_bytes: int, *, backing: str = "") -> None:
    """Make an empty disk image, or one over a raw image. Raises `EmulationError`."""
    base = ["-b", backing, "-F", "raw"] if backing else []
    arguments = [find_qemu_img(), "create", "-q", "-f", disk_format, *base, str(path), str(size_bytes)]
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmulationError(f"qemu-img cannot make the disk: {done.stderr.strip()}", where=path)


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()
