from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.fat import extracted, fsck
from support.layouts import CARD, EFI_DISK, ESP, MIB, gpt_disk, mbr_disk, partition
from support.plans import boot_files, map_bytes, save
from support.tables import sfdisk, sgdisk

from lkboard.disk import image
from lkboard.disk.fat_reader import FatReader
from lkboard.disk.layout import solve
from lkboard.errors import BuildError
from lkboard.model.disk import RawBlob
from lkboard.model.extents import Content, Extent, Inline, Zeros

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.board import LayoutRule

TREE = {"kernel": b"K" * 70_000, "EFI/BOOT/BOOTX64.EFI": b"E" * 3000, "loader/loader.conf": b"timeout 0\n"}


@pytest.mark.parametrize("rule", [CARD, EFI_DISK], ids=["card", "efi"])
def test_mtools_reads_the_files_at_their_offset(tmp_path: Path, rule: LayoutRule) -> None:
    path = save(image.plan(solve(rule, boot_files(TREE))), tmp_path / "disk.img")
    (tmp_path / "out").mkdir()
    assert extracted(path, tmp_path / "out", MIB) == TREE


@pytest.mark.parametrize("rule", [CARD, EFI_DISK], ids=["card", "efi"])
def test_pyfatfs_reads_the_files_at_their_offset(tmp_path: Path, rule: LayoutRule) -> None:
    path = save(image.plan(solve(rule, boot_files(TREE))), tmp_path / "disk.img")
    with FatReader(path, MIB) as reader:
        assert {name: reader.read(name) for name in reader.files()} == TREE


def test_the_partition_is_a_clean_file_system(tmp_path: Path) -> None:
    layout = solve(EFI_DISK, boot_files(TREE))
    disk = map_bytes(image.plan(layout))
    (tmp_path / "esp.img").write_bytes(disk[MIB : MIB + layout.partitions[0].size_sectors * 512])
    fsck(tmp_path / "esp.img")


def test_an_efi_disk_satisfies_both_judges(tmp_path: Path) -> None:
    path = save(image.plan(solve(EFI_DISK, boot_files(TREE))), tmp_path / "disk.img")
    assert "No problems found" in sgdisk(path, "-v")
    assert sfdisk(path)["partitions"][0]["name"] == "EFI System"


@pytest.mark.parametrize("rule", [CARD, EFI_DISK], ids=["card", "efi"])
def test_two_plans_are_the_same_bytes(rule: LayoutRule) -> None:
    assert map_bytes(image.plan(solve(rule, boot_files(TREE)))) == map_bytes(image.plan(solve(rule, boot_files(TREE))))


@pytest.mark.parametrize("rule", [CARD, EFI_DISK], ids=["card", "efi"])
def test_all_before_the_first_partition_is_written(rule: LayoutRule) -> None:
    extents = image.plan(solve(rule, boot_files(TREE))).extents
    head = [extent for extent in extents if extent.offset < MIB]
    assert head[0].offset == 0
    assert all(before.end == after.offset for before, after in itertools.pairwise(head))
    assert head[-1].end == MIB
    assert all(isinstance(extent.source, Inline) for extent in head)


def test_a_wide_gap_before_the_first_partition_is_not_held_in_memory() -> None:
    start = 1 << 40
    disk = image.plan(gpt_disk((start + 4 * MIB) // 512, partition(1, start // 512, 2048, ESP)))
    gap = [extent for extent in disk.extents if extent.offset < start]
    assert gap[-1] == Extent(MIB, Zeros(start - MIB))
    assert gap[-2].end == MIB
    assert all(isinstance(extent.source, Inline) for extent in gap[:-1])


def test_a_blob_behind_the_first_mebibyte_stands_between_zeros() -> None:
    loader = RawBlob(8 * MIB, Content.of(b"L" * 512))
    disk = image.plan(replace(mbr_disk(65536, partition(1, 32768, 2048, "0c")), raw=(loader,)))
    behind = [(extent.offset, extent.end, type(extent.source)) for extent in disk.extents if extent.end > MIB]
    assert behind[:3] == [
        (MIB, 8 * MIB, Zeros),
        (8 * MIB, 8 * MIB + 512, Inline),
        (8 * MIB + 512, 16 * MIB, Zeros),
    ]


def test_free_space_behind_the_first_partition_starts_stays_a_hole() -> None:
    extents = image.plan(gpt_disk(20480, partition(1, 2048, 4096, ESP), partition(2, 8192, 4096, ESP))).extents
    written = [(extent.offset // 512, -(-extent.end // 512)) for extent in extents if extent.offset >= MIB]
    assert written == [(2048, 2049), (8192, 8193), (20480 - 33, 20480)]


def test_partitions_are_at_their_places() -> None:
    disk = map_bytes(image.plan(mbr_disk(8192, partition(1, 2048, 2048, "0c"), partition(2, 4096, 2048, "83"))))
    assert disk[2048 * 512 : 2049 * 512] == b"\1" * 512
    assert disk[4096 * 512 : 4097 * 512] == b"\2" * 512
    assert len(disk) == 8192 * 512


def test_raw_blobs_are_at_their_places() -> None:
    boot_code = RawBlob(0, Content.of(b"B" * 440))
    loader = RawBlob(8192, Content.of(b"L" * 1000))
    disk = map_bytes(image.plan(replace(mbr_disk(8192, partition(1, 2048, 2048, "0c")), raw=(boot_code, loader))))
    assert disk[:440] == b"B" * 440
    assert disk[440:444] == b"\xef\xbe\xad\xde"
    assert disk[510:512] == b"\x55\xaa"
    assert disk[8192:9192] == b"L" * 1000
    assert not any(disk[9192:MIB])


@pytest.mark.parametrize("offset", [500, 0, 512, 2048 * 512, 10239 * 512], ids=str)
def test_a_raw_blob_in_the_way_of_something_is_refused(offset: int) -> None:
    layout = gpt_disk(10240, partition(1, 2048, 2048, "0FC63DAF-8483-4772-8E79-3D69D8477DE4"))
    with pytest.raises(BuildError, match=r"the parts of the disk do not fit: .*check the board's layout"):
        image.plan(replace(layout, raw=(RawBlob(offset, Content.of(b"x" * 446)),)))


def test_a_disk_without_partitions_is_zero_behind_its_table() -> None:
    disk = map_bytes(image.plan(mbr_disk(2048)))
    assert not any(disk[:440])
    assert not any(disk[512:])
