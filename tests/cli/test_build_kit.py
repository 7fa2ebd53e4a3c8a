"""Images of real boards from the starter kit, once everything is in the store: no network, no apt."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import newc
from support.fat import extracted, fsck
from support.kit import kit_store
from support.loops import need_root
from support.processes import ENVIRONMENT, ROOT
from support.tables import sfdisk, sgdisk
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kit

DEMO = ROOT / "resources/examples/demo.yml"
CARD = {"bootcode.bin", "start.elf", "fixup.dat", "config.txt", "cmdline.txt", "bcm2837-rpi-3-b.dtb"}
CARD |= {"kernel8.img", "initrd.img", "extlinux/extlinux.conf"}


@pytest.fixture
def image(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The image of the board that the test names, built on a network without interfaces and without other programs."""
    need("unshare")
    need_root()
    path = tmp_path / "x.img"
    store = kit_store()
    done = subprocess.run(
        [
            shutil.which("unshare"),
            "--net",
            sys.executable,
            "-m",
            "lkboard",
            "build",
            "--board",
            request.param,
            DEMO,
            "-o",
            path,
        ],
        env={**ENVIRONMENT, "LKBOARD_CACHE": str(store), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Debian" not in done.stderr
    return path


def boot_partition(image: Path) -> tuple[int, int]:
    """Return where the first partition begins and ends, in bytes."""
    first = sfdisk(image)["partitions"][0]
    return first["start"] * 512, (first["start"] + first["size"]) * 512


@pytest.mark.parametrize("image", ["rpi3", "x86-efi", "arm64-efi"], indirect=True)
def test_the_file_system_is_sound(image: Path, tmp_path: Path) -> None:
    start, end = boot_partition(image)
    (tmp_path / "fat").write_bytes(image.read_bytes()[start:end])
    fsck(tmp_path / "fat")


@pytest.mark.parametrize("image", ["rpi3"], indirect=True)
def test_a_card_has_firmware_kernel_and_both_ways_to_boot(image: Path, tmp_path: Path) -> None:
    files = extracted(image, tmp_path, boot_partition(image)[0])
    assert set(files) >= CARD
    assert files["kernel8.img"][56:60] == b"ARM\x64"
    assert "console=ttyS1,115200" in files["cmdline.txt"].decode().split()
    assert any(member.name == "init" for member in newc.members(gzip.decompress(files["initrd.img"])))


@pytest.mark.parametrize(
    ("image", "loader"),
    [("x86-efi", "EFI/BOOT/BOOTX64.EFI"), ("arm64-efi", "EFI/BOOT/BOOTAA64.EFI")],
    indirect=["image"],
)
def test_a_disk_has_a_loader_where_firmware_looks_for_it(image: Path, tmp_path: Path, loader: str) -> None:
    assert "No problems found" in sgdisk(image, "-v")
    files = extracted(image, tmp_path, boot_partition(image)[0])
    assert files[loader][:2] == b"MZ"


@pytest.mark.parametrize("image", ["rpi3"], indirect=True)
def test_an_image_takes_less_room_than_its_size(image: Path) -> None:
    assert image.stat().st_blocks * 512 < 0.75 * image.stat().st_size
