"""``iso-efi`` and ``iso-efi-initrd``: what is on the disc is what is on the disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.fat import extracted, fsck
from support.layouts import MIB
from support.plans import map_bytes, save
from support.roots import build_input, efi_board, rootfs
from support.tables import sfdisk

from lkboard.errors import BuildError
from lkboard.formats import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs(), efi_board())


def made(name: str, build: BuildInput, path: Path) -> Path:
    (planned,) = catalogue()[name].plan(build)
    return save(planned.extents, path)


def files_of(disk: Path, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    return extracted(disk, folder, sfdisk(disk)["partitions"][0]["start"] * 512)


@pytest.mark.parametrize("is_unified", [False, True])
def test_the_disc_has_the_files_of_the_disk(build: BuildInput, tmp_path: Path, *, is_unified: bool) -> None:
    build = replace(build, is_unified=is_unified)
    disk, disc = made("raw-efi", build, tmp_path / "x.img"), made("iso-efi", build, tmp_path / "x.iso")
    assert files_of(disc, tmp_path / "disc") == files_of(disk, tmp_path / "disk")


def test_its_file_system_has_no_errors(build: BuildInput, tmp_path: Path) -> None:
    disc = made("iso-efi", build, tmp_path / "x.iso")
    partition = sfdisk(disc)["partitions"][0]
    esp = tmp_path / "esp"
    with disc.open("rb") as file:
        file.seek(partition["start"] * 512)
        esp.write_bytes(file.read(partition["size"] * 512))
    fsck(esp)


def test_it_is_not_larger_than_it_must_be(build: BuildInput, tmp_path: Path) -> None:
    """FAT32 begins at 65525 clusters; there is no room to spare on a medium that cannot be written."""
    assert made("iso-efi", build, tmp_path / "x.iso").stat().st_size < 34 * MIB


def test_both_names_mean_the_same_disc(build: BuildInput) -> None:
    plans = [catalogue()[name].plan(build) for name in ("iso-efi", "iso-efi-initrd")]
    assert [planned.suffix for (planned,) in plans] == ["-efi.iso", "-efi-initrd.iso"]
    first, second = (map_bytes(planned.extents) for (planned,) in plans)
    assert first == second


def test_a_config_without_a_kernel(build: BuildInput) -> None:
    with pytest.raises(BuildError, match="the config has no kernel"):
        catalogue()["iso-efi"].plan(replace(build, rootfs=rootfs(kernel=None)))
