"""Every format that wraps a disk boots: QEMU's own reader unpacks it, then the demo's web service must answer."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
from support.booting import assert_web_answers, built_demo
from support.tools import need
from support.virtual_disks import qemu_img

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit, pytest.mark.nightly]


def unpacked(image: Path, qemu_name: str, folder: Path) -> Path:
    """Return the raw disk in an image."""
    if qemu_name == "raw":
        return image
    if qemu_name == "tar":
        with tarfile.open(image) as archive:
            archive.extractall(folder, filter="data")
        return folder / "disk.raw"
    qemu_img("convert", "-f", qemu_name, "-O", "raw", str(image), str(folder / "raw.img"))
    return folder / "raw.img"


@pytest.mark.parametrize(
    ("name", "qemu_name", "board"),
    [
        ("raw-bios", "raw", "x86-bios"),
        ("aws", "raw", "x86-bios"),
        ("gcp", "tar", "x86-bios"),
        ("qcow2-bios", "qcow2", "x86-bios"),
        ("qcow2-efi", "qcow2", "x86-efi"),
        ("vhd", "vpc", "x86-bios"),
        ("dynamic-vhd", "vpc", "x86-bios"),
        ("vmdk", "vmdk", "x86-bios"),
    ],
)
def test_the_web_service_of_the_demo_answers(name: str, qemu_name: str, board: str, tmp_path: Path) -> None:
    need("qemu-system-x86_64", "qemu-img")
    assert_web_answers(unpacked(built_demo(name, "amd64", tmp_path), qemu_name, tmp_path), board)
