"""The throw-away layer over an image."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.tools import need

from lkboard.emulate.medium import DiskImage
from lkboard.emulate.overlay import create_disk, make_overlay
from lkboard.errors import EmulationError

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def overlay_info(tmp_path: Path, size: int, *, is_sd: bool) -> dict[str, object]:
    need("qemu-img")
    image = tmp_path / "with, comma:and colon.img"
    image.write_bytes(bytes(size))
    drive = make_overlay(DiskImage(str(image), size), tmp_path, is_sd=is_sd)
    answer = subprocess.run(["qemu-img", "info", "--output=json", drive.path], check=True, capture_output=True)
    info = json.loads(answer.stdout)
    assert (drive.format, info["format"], info["backing-filename"]) == ("qcow2", "qcow2", str(image))
    assert isinstance(info, dict)
    return info


def test_it_has_the_size_of_the_image(tmp_path: Path) -> None:
    assert overlay_info(tmp_path, 3 * MIB, is_sd=False)["virtual-size"] == 3 * MIB


@pytest.mark.parametrize(("size", "padded"), [(3 * MIB, 4 * MIB), (4 * MIB, 4 * MIB), (4 * MIB + 512, 8 * MIB)])
def test_for_a_card_it_is_padded_to_a_power_of_two(tmp_path: Path, size: int, padded: int) -> None:
    assert overlay_info(tmp_path, size, is_sd=True)["virtual-size"] == padded


def test_writing_to_it_leaves_the_image_alone(tmp_path: Path) -> None:
    need("qemu-img", "qemu-io")
    image = tmp_path / "a.img"
    image.write_bytes(bytes(MIB))
    drive = make_overlay(DiskImage(str(image), MIB), tmp_path, is_sd=False)
    subprocess.run(["qemu-io", "-c", "write -P 7 0 4096", drive.path], check=True, capture_output=True)
    assert image.read_bytes() == bytes(MIB)


def test_what_qemu_img_says_is_told(tmp_path: Path) -> None:
    need("qemu-img")
    with pytest.raises(EmulationError, match=r"qemu-img cannot make the disk: .*No such file or directory"):
        create_disk(tmp_path / "none" / "disk.img", "raw", MIB)
