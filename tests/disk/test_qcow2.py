from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.maps import MIB, Recipe, recipes
from support.plans import map_bytes, save
from support.virtual_disks import assert_same_disk, assert_sound, info

from lkboard.disk import qcow2
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros

GIB = 1 << 30


def disk(size: int, *places: int, length: int = 512) -> ExtentMap:
    """Return a disk with some data at each of the places."""
    return ExtentMap(tuple(Extent(place, Inline(place.to_bytes(8, "big") * (length // 8))) for place in places), size)


@settings(max_examples=30, deadline=None)
@given(recipes(unit=512))
def test_qemu_reads_the_same_disk(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = recipe.make(folder)
        assert_sound(assert_same_disk(raw, qcow2.plan(raw), "qcow2", folder), "qcow2")


@pytest.mark.parametrize(
    "raw",
    [
        disk(512),
        disk(512, 0),
        disk(65536, 0),
        disk(65536 + 512, 65536),
        # the two sides of a border between L2 tables
        disk(GIB, GIB // 2 - 512, GIB // 2),
        disk(GIB, GIB // 2 - 512, length=1024),
        disk(GIB, GIB - 512),
        # tables only where there is data
        disk(40 * GIB, 0, 20 * GIB, 40 * GIB - 512),
        # an L1 table of several clusters
        disk(5 << 42, 0, (5 << 42) - 512),
    ],
    ids=["empty", "a sector", "a cluster", "part of a cluster", "border", "across", "end", "islands", "huge"],
)
def test_a_disk_of_any_shape_is_sound(raw: ExtentMap, tmp_path: Path) -> None:
    made = save(qcow2.plan(raw), tmp_path / "disk.qcow2")
    assert_sound(made, "qcow2")
    assert info(made, "qcow2")["virtual-size"] == raw.size


def test_islands_of_a_large_disk_are_where_they_were(tmp_path: Path) -> None:
    raw = disk(3 * GIB, 0, GIB // 2 - 512, GIB // 2, 2 * GIB, 3 * GIB - 512)
    assert_same_disk(raw, qcow2.plan(raw), "qcow2", tmp_path)


def test_refcounts_of_more_than_one_block_are_sound(tmp_path: Path) -> None:
    source = tmp_path / "data"
    with source.open("wb") as file:
        file.truncate(3 * GIB)
    planned = qcow2.plan(ExtentMap((Extent(0, FileSpan(str(source), 0, 3 * GIB)),), 3 * GIB))
    made = save(ExtentMap(planned.extents[:-1], planned.size), tmp_path / "disk.qcow2")
    assert_sound(made, "qcow2")


def test_it_is_version_3_with_the_clusters_of_qemu(tmp_path: Path) -> None:
    found = info(save(qcow2.plan(disk(MIB, 0)), tmp_path / "disk.qcow2"), "qcow2")
    assert (found["cluster-size"], found["format-specific"]["data"]["compat"]) == (65536, "1.1")


def test_only_clusters_with_data_are_in_the_file() -> None:
    # header, refcount table and block, L1, L2, and the three clusters that are touched
    assert qcow2.plan(disk(GIB, 0, 512, 65536 - 512, 10 * 65536, 11 * 65536)).size == (5 + 3) * 65536


def test_zeros_take_no_room() -> None:
    raw = ExtentMap((Extent(0, Zeros(4 * MIB)), Extent(4 * MIB, Inline(b"x"))), 8 * MIB)
    assert qcow2.plan(raw).size == (5 + 1) * 65536


def test_data_keeps_its_order() -> None:
    planned = qcow2.plan(disk(GIB, *range(0, GIB, 64 * MIB)))
    numbers = [extent.source.data[:8] for extent in planned.extents[5:] if isinstance(extent.source, Inline)]
    assert numbers == sorted(numbers)


def test_a_size_that_is_no_multiple_of_a_sector_is_rounded_up(tmp_path: Path) -> None:
    made = save(qcow2.plan(ExtentMap((Extent(0, Inline(b"x" * 700)),), 700)), tmp_path / "disk.qcow2")
    assert info(made, "qcow2")["virtual-size"] == 1024


def test_the_header_is_made_byte_for_byte() -> None:
    header = map_bytes(qcow2.plan(disk(MIB)))[:104]
    assert header[:8] == b"QFI\xfb\0\0\0\3"
    assert struct.unpack_from(">QIIQIIQQI", header, 8) == (0, 0, 16, MIB, 0, 1, 3 * 65536, 65536, 1)
    assert header[60:96] == bytes(36)
    assert header[96:] == b"\0\0\0\4\0\0\0\x68"


def test_two_plans_are_the_same_bytes() -> None:
    raw = disk(GIB, 0, 5 * MIB, 700 * MIB)
    assert map_bytes(qcow2.plan(raw)) == map_bytes(qcow2.plan(raw))
