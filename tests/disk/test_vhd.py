from __future__ import annotations

import struct
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from support.maps import MIB, Recipe, recipes
from support.plans import map_bytes
from support.virtual_disks import assert_same_disk, qemu_img

from lkboard.disk import vhd
from lkboard.errors import BuildError
from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
KINDS = pytest.mark.parametrize("plan", [vhd.plan_fixed, vhd.plan_dynamic], ids=["fixed", "dynamic"])


def disk(size: int, *places: int) -> ExtentMap:
    return ExtentMap(tuple(Extent(place, Inline(place.to_bytes(8, "big") * 64)) for place in places), size)


def checksum_is_right(header: bytes, offset: int) -> bool:
    (stored,) = struct.unpack_from(">I", header, offset)
    return stored == ~sum(header[:offset] + header[offset + 4 :]) & 0xFFFFFFFF


@KINDS
@settings(max_examples=20, deadline=None)
@given(recipe=recipes(unit=MIB, max_size=8 * MIB))
def test_qemu_reads_the_same_disk(plan: Callable[..., ExtentMap], recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as name:
        raw = recipe.make(Path(name))
        assert_same_disk(raw, plan(raw), "vpc", Path(name))


@KINDS
@pytest.mark.parametrize(
    "raw",
    [
        disk(MIB),
        disk(3 * MIB, 0, 2 * MIB - 512, 2 * MIB, 3 * MIB - 512),
        disk(GIB, 0, GIB - 512),
        # where the geometry changes its rule
        disk(504 * MIB, 0),
        disk(127 * GIB, 0, 127 * GIB - 512),
    ],
    ids=["empty", "odd end", "1 GiB", "504 MiB", "127 GiB"],
)
def test_a_disk_of_any_shape_is_the_same(plan: Callable[..., ExtentMap], raw: ExtentMap, tmp_path: Path) -> None:
    assert_same_disk(raw, plan(raw), "vpc", tmp_path)


def test_an_extent_over_many_blocks_is_cut(tmp_path: Path) -> None:
    data = bytes(range(256)) * (9 * MIB // 256)
    raw = ExtentMap((Extent(MIB, Inline(data)),), 12 * MIB)
    assert_same_disk(raw, vhd.plan_dynamic(raw), "vpc", tmp_path)


@KINDS
def test_a_disk_has_whole_mebibytes(plan: Callable[..., ExtentMap]) -> None:
    footer = map_bytes(plan(disk(5 * MIB + 512, 0)))[-512:]
    assert struct.unpack_from(">QQ", footer, 40) == (6 * MIB, 6 * MIB)


def test_a_fixed_disk_is_the_raw_one_and_a_footer() -> None:
    raw = disk(4 * MIB, 0, MIB)
    made = map_bytes(vhd.plan_fixed(raw))
    assert made[: 4 * MIB] == map_bytes(raw)
    assert len(made) == 4 * MIB + 512


@KINDS
def test_the_footer_is_made_byte_for_byte(plan: Callable[..., ExtentMap]) -> None:
    footer = map_bytes(plan(disk(4 * MIB), epoch=946_684_800 + 7))[-512:]
    kind, header = (2, (1 << 64) - 1) if plan is vhd.plan_fixed else (3, 512)
    assert footer[:28] == struct.pack(">8sIIQI", b"conectix", 2, 0x10000, header, 7)
    assert footer[28:40] == b"win \x00\x0a\x00\x00Wi2k"
    assert struct.unpack_from(">HBBI", footer, 56) == (120, 4, 17, kind)
    assert footer[84:] == bytes(428)
    assert checksum_is_right(footer, 64)


def test_a_time_before_the_format_is_its_beginning() -> None:
    assert map_bytes(vhd.plan_fixed(disk(MIB), epoch=0))[-512:][24:28] == bytes(4)


def test_a_dynamic_disk_begins_with_a_copy_of_its_footer() -> None:
    made = map_bytes(vhd.plan_dynamic(disk(8 * MIB, 0)))
    assert made[:512] == made[-512:]
    assert made[512:520] == b"cxsparse"
    assert checksum_is_right(made[512 : 512 + 1024], 36)


def test_a_dynamic_disk_holds_only_the_blocks_with_data() -> None:
    raw = disk(25 * GIB, 0, 512, 10 * GIB, 25 * GIB - 512)
    # footer, header, 12800 entries of the table, three blocks with their bitmaps, footer
    assert vhd.plan_dynamic(raw).size == 512 + 1024 + 12_800 * 4 + 3 * (512 + vhd.BLOCK) + 512


def test_zeros_take_no_block() -> None:
    raw = ExtentMap((Extent(0, Zeros(4 * MIB)),), 4 * MIB)
    assert vhd.plan_dynamic(raw).size == vhd.plan_dynamic(disk(4 * MIB)).size


@pytest.mark.parametrize("size", [1, 30, 100, 127, 499, 504, 505, 1024, 25_600, 40_960, 130_048, 1_000_000])
def test_the_geometry_is_that_of_qemu(size: int, tmp_path: Path) -> None:
    """QEMU rounds a size to one that cylinders, heads and sectors can tell."""
    path = tmp_path / "disk.vhd"
    qemu_img("create", "-q", "-f", "vpc", "-o", "subformat=dynamic", str(path), f"{size}M")
    current, *geometry = struct.unpack_from(">QHBB", path.read_bytes()[:512], 48)
    assert vhd.geometry(current // 512) == tuple(geometry)


def test_the_geometry_of_huge_disks_is_the_largest_there_is() -> None:
    assert vhd.geometry(1 << 40) == (65535, 16, 255)


def test_the_id_follows_the_content() -> None:
    one, same, other = (map_bytes(vhd.plan_fixed(disk(4 * MIB, place)))[-512:] for place in (0, 0, MIB))
    assert one == same
    assert one[68:84] != other[68:84]
    assert uuid.UUID(bytes=one[68:84]).version == 5


@KINDS
def test_what_a_vhd_cannot_hold_is_refused(plan: Callable[..., ExtentMap]) -> None:
    with pytest.raises(BuildError, match="a disk of 2041 GiB is too large for a VHD"):
        plan(ExtentMap((), 2041 * GIB))
