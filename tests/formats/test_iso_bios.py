"""``iso-bios``: what GRUB reads is on the disc, and a BIOS finds GRUB from a CD and from a stick."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.discs import boot_entry, extracted_disc
from support.fat import extracted
from support.plans import save
from support.roots import IMAGE, bios_board, build_input, rootfs
from support.tables import sfdisk

from lkboard.errors import BuildError
from lkboard.formats import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs(), bios_board())


def disc(build: BuildInput, tmp_path: Path) -> Path:
    (planned,) = catalogue()["iso-bios"].plan(build)
    assert planned.suffix == ".iso"
    return save(planned.extents, tmp_path / "x.iso")


def test_everything_grub_reads_is_on_the_disc(build: BuildInput, tmp_path: Path) -> None:
    files = extracted_disc(disc(build, tmp_path), tmp_path / "out")
    assert files["kernel"] == IMAGE
    assert files["grub/grub.cfg"] == b"linux /kernel quiet console=ttyS0\ninitrd /initrd.img\n"
    assert files["firmware.bin"] == b"firmware"


def test_the_initrd_is_that_of_the_disk(build: BuildInput, tmp_path: Path) -> None:
    (planned,) = catalogue()["raw-bios"].plan(build)
    (tmp_path / "fat").mkdir()
    on_disk = extracted(save(planned.extents, tmp_path / "x.img"), tmp_path / "fat", 1 << 20)
    on_disc = extracted_disc(disc(build, tmp_path), tmp_path / "out")
    assert on_disc["initrd.img"] == on_disk["initrd.img"]


def test_a_bios_starts_it_as_a_cd_and_as_a_disk(build: BuildInput, tmp_path: Path) -> None:
    path = disc(build, tmp_path)
    assert boot_entry(path)["platform"] == "BIOS"
    (partition,) = sfdisk(path)["partitions"]
    assert (partition["start"], partition["bootable"]) == (0, True)


def test_a_config_without_a_kernel(build: BuildInput) -> None:
    with pytest.raises(BuildError, match="the config has no kernel"):
        catalogue()["iso-bios"].plan(replace(build, rootfs=rootfs(kernel=None)))
