"""Discs for a BIOS: both ways lead to one core image of GRUB, which finds its configuration."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.discs import boot_entry, extracted_disc, xorriso
from support.grub import FILES, read_core
from support.plans import boot_files, map_bytes
from support.tables import sfdisk

from lkboard.disk import bios_disc, grub
from lkboard.errors import BuildError
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from pathlib import Path

PARTS = grub.Parts(
    boot=FILES["boot.img"],
    diskboot=FILES["diskboot.img"],
    decompressor=FILES["lzma_decompress.img"],
    kernel=FILES["kernel.img"],
    modules=(FILES["fat.mod"], FILES["linux.mod"]),
    cdboot=FILES["cdboot.img"],
)
TREE = {"grub/grub.cfg": b"linux /kernel\n", "kernel": b"kernel" * 1000, "initrd.img": b"initrd" * 1000}
SEED = bytes(range(32))
BLOCK, SECTOR = 2048, 512


def plan(*, parts: grub.Parts = PARTS, seed: bytes = SEED, epoch: int = EPOCH) -> bytes:
    return map_bytes(bios_disc.plan(boot_files(TREE), parts, label="LINUXKIT", seed=seed, epoch=epoch))


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    (tmp_path / "x.iso").write_bytes(plan())
    return tmp_path / "x.iso"


def program_of(disc: Path) -> tuple[int, bytes]:
    """Return where the boot image starts, and all from there on."""
    block = int(boot_entry(disc)["block"])
    return block, disc.read_bytes()[block * BLOCK :]


def test_the_entry_loads_the_first_block_of_grub(disc: Path) -> None:
    entry = boot_entry(disc)
    assert (entry["platform"], entry["boots"], entry["emulation"], entry["size"]) == ("BIOS", "y", "none", "4")
    assert program_of(disc)[1][64:BLOCK] == FILES["cdboot.img"][64:]


def test_that_block_says_where_the_rest_is(disc: Path, tmp_path: Path) -> None:
    """The sum of all words behind the table, as mkisofs has it."""
    block, data = program_of(disc)
    whole = extracted_disc(disc, tmp_path / "out")["grub/eltorito.img"]
    words = whole[64:].ljust(-(-len(whole[64:]) // 4) * 4, b"\0")
    total = sum(struct.unpack(f"<{len(words) // 4}I", words)) % (1 << 32)
    assert struct.unpack_from("<4I", data, 8) == (16, block, len(whole), total)


def test_xorriso_recognises_the_table_and_the_partition(disc: Path) -> None:
    told = xorriso(disc, "-report_el_torito", "plain", "-report_system_area", "plain")
    assert "boot-info" in told
    assert "MBR partition      :   1   0x80  0x17            0" in told


def test_the_core_image_behind_it_looks_at_the_root_of_the_disc(disc: Path) -> None:
    core = read_core(program_of(disc)[1][BLOCK:], program_size=len(FILES["lzma_decompress.img"]))
    assert core.modules[-1] == (3, b"/grub\0\0\0")


def test_on_a_stick_the_boot_code_leads_into_the_same_file(disc: Path) -> None:
    block, _data = program_of(disc)
    (sector,) = struct.unpack_from("<Q", disc.read_bytes(), 0x5C)
    assert sector == (block + 1) * 4
    first = disc.read_bytes()[sector * SECTOR :][:SECTOR]
    assert first[:500] == FILES["diskboot.img"][:500]
    assert struct.unpack_from("<Q", first, 500) == (sector + 1,)


def test_the_one_partition_is_the_whole_volume(disc: Path) -> None:
    table = sfdisk(disc)
    (partition,) = table["partitions"]
    assert (table["label"], partition["start"], partition["type"], partition["bootable"]) == ("dos", 0, "17", True)
    assert partition["size"] * SECTOR == disc.stat().st_size


def test_files_are_as_given(disc: Path, tmp_path: Path) -> None:
    found = extracted_disc(disc, tmp_path / "out")
    assert {name: found[name] for name in TREE} == TREE


def test_nothing_of_what_was_on_a_stick_is_left_in_front_of_the_volume(tmp_path: Path) -> None:
    extents = bios_disc.plan(boot_files(TREE), PARTS, label="LINUXKIT", seed=SEED, epoch=EPOCH).extents
    covered = [(extent.offset, extent.end) for extent in extents if extent.offset < 16 * BLOCK]
    assert [start for start, _end in covered] == [0, *(end for _start, end in covered[:-1])]
    assert covered[-1][1] == 16 * BLOCK


def test_the_identity_comes_from_the_seed(disc: Path, tmp_path: Path) -> None:
    assert plan() == disc.read_bytes()
    (tmp_path / "other.iso").write_bytes(plan(seed=bytes(32)))
    assert sfdisk(tmp_path / "other.iso")["id"] != sfdisk(disc)["id"]


def test_the_epoch_is_the_time_of_the_volume() -> None:
    assert b"2023111422132000" in plan(epoch=1_700_000_000)


@pytest.mark.parametrize(
    ("field", "message"), [("cdboot", r"cdboot\.img does not have 2048 bytes"), ("diskboot", "a part of GRUB is cut")]
)
def test_a_part_that_is_cut_is_refused(field: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        plan(parts=replace(PARTS, **{field: b"short"}))
