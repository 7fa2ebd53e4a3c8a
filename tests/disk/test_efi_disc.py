"""Discs for UEFI, as xorriso, sgdisk and pycdlib read them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from pycdlib import PyCdlib
from support.discs import boot_entry, xorriso
from support.plans import map_bytes, save
from support.tables import sfdisk, sgdisk

from lkboard.disk import efi_disc
from lkboard.disk.content import concatenate
from lkboard.errors import BuildError
from lkboard.model.extents import Content, ExtentMap, FileSpan, Zeros
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
ESP = concatenate([Content.of(bytes(range(1, 256)) * 4096 + bytes(4096))])
SEED = bytes(range(32))


def plan(esp: ExtentMap = ESP, *, seed: bytes = SEED, epoch: int = EPOCH) -> ExtentMap:
    return efi_disc.plan(esp, label="LINUXKIT", seed=seed, epoch=epoch)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    return save(plan(), tmp_path / "x.iso")


def test_the_boot_entry_is_for_uefi_and_leads_to_the_file_system(disc: Path) -> None:
    entry = boot_entry(disc)
    assert (entry["platform"], entry["boots"], entry["emulation"]) == ("UEFI", "y", "none")
    start = int(entry["block"]) * 2048
    assert disc.read_bytes()[start : start + ESP.size] == map_bytes(ESP)


@pytest.mark.parametrize(("sectors", "told"), [(2, "2"), (65535, "65535"), (65536, "1"), (200_000, "1")])
def test_a_size_that_the_entry_cannot_tell_is_up_to_the_end(tmp_path: Path, sectors: int, told: str) -> None:
    path = save(plan(ExtentMap((), sectors * 512)), tmp_path / "x.iso")
    assert boot_entry(path)["size"] == told


def test_nothing_but_the_table_is_behind_the_file_system(disc: Path) -> None:
    """An entry that tells no size means all up to the end of the volume."""
    iso = PyCdlib()
    iso.open(str(disc))
    image = iso.get_record(iso_path="/ESP.IMG;1")
    end = image.extent_location() + image.get_data_length() // 2048
    assert iso.pvd.space_size == end
    iso.close()


def test_the_table_has_no_problems_and_leads_to_the_file_system(disc: Path) -> None:
    assert "No problems found" in sgdisk(disc, "-v")
    table = sfdisk(disc)
    (partition,) = table["partitions"]
    assert (table["label"], table["firstlba"]) == ("gpt", 34)
    assert partition["type"] == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
    start = partition["start"] * 512
    assert disc.read_bytes()[start : start + partition["size"] * 512] == map_bytes(ESP)


def test_both_ways_lead_to_the_same_place(disc: Path) -> None:
    assert int(boot_entry(disc)["block"]) * 4 == sfdisk(disc)["partitions"][0]["start"]


def test_xorriso_sees_a_hybrid_with_the_name(disc: Path) -> None:
    told = xorriso(disc, "-toc")
    assert "Volume id    : 'LINUXKIT'" in told
    assert "Boot record  : El Torito , MBR protective-msdos-label cyl-align-off GPT" in told


def test_another_reader_finds_the_file_system_as_a_file(disc: Path, tmp_path: Path) -> None:
    xorriso(disc, "-osirrox", "on", "-extract", "/esp.img", str(tmp_path / "esp"))
    assert (tmp_path / "esp").read_bytes() == map_bytes(ESP)


def test_the_size_is_whole_blocks(disc: Path) -> None:
    assert disc.stat().st_size % 2048 == 0


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/St_Johns"])
def test_neither_clock_nor_zone_changes_it(disc: Path, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert map_bytes(plan()) == disc.read_bytes()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_epoch_is_the_time_of_the_volume(disc: Path, tmp_path: Path) -> None:
    later = save(plan(epoch=1_700_000_000), tmp_path / "later.iso")
    assert b"2017041816300000" in disc.read_bytes()
    assert b"2023111422132000" in later.read_bytes()


def test_the_identities_come_from_the_seed(disc: Path, tmp_path: Path) -> None:
    other = save(plan(seed=bytes(32)), tmp_path / "other.iso")
    assert sfdisk(other)["id"] != sfdisk(disc)["id"]
    assert sfdisk(other)["partitions"][0]["uuid"] != sfdisk(disc)["partitions"][0]["uuid"]


def test_the_file_system_is_not_read(tmp_path: Path) -> None:
    span = FileSpan(str(tmp_path / "missing"), 0, 64 * MIB)
    extents = plan(concatenate([Content((span,))])).extents
    assert span in [extent.source for extent in extents]


def test_a_file_system_of_more_than_4_gib() -> None:
    with pytest.raises(BuildError, match="a disc holds files of up to 4 GiB, the boot file system has 5120 MiB"):
        plan(concatenate([Content((Zeros(5 << 30),))]))
