from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.maps import MIB, Recipe, recipes
from support.plans import save
from support.virtual_disks import assert_sound, info, qemu_img

from lkboard.disk import ids, vmdk
from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros

GIB = 1 << 30
TABLE = vmdk.GRAIN * vmdk.GRAINS_PER_TABLE


def disk(size: int, *places: int) -> ExtentMap:
    return ExtentMap(tuple(Extent(place, Inline(place.to_bytes(8, "big") * 64)) for place in places), size)


def made(raw: ExtentMap) -> bytes:
    return b"".join(vmdk.chunks(raw, ids.map_seed(raw)))


def assert_same(raw: ExtentMap, folder: Path) -> None:
    """Fail unless QEMU finds no fault and reads the same bytes."""
    path = folder / "disk.vmdk"
    path.write_bytes(made(raw))
    assert_sound(path, "vmdk")
    qemu_img("compare", "-f", "raw", "-F", "vmdk", str(save(raw, folder / "raw")), str(path))
    assert info(path, "vmdk")["virtual-size"] == raw.size


@settings(max_examples=25, deadline=None)
@given(recipes(unit=512))
def test_qemu_reads_the_same_disk(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as name:
        assert_same(recipe.make(Path(name)), Path(name))


@pytest.mark.parametrize(
    "raw",
    [
        disk(MIB),
        disk(512, 0),
        disk(65536 + 512, 65536),
        # the two sides of a border between grain tables, and tables only where there is data
        disk(GIB, TABLE - 512, TABLE),
        disk(40 * GIB, 0, 20 * GIB, 40 * GIB - 512),
        ExtentMap((Extent(TABLE - MIB, Inline(bytes(range(256)) * (2 * MIB // 256))),), GIB),
    ],
    ids=["empty", "a sector", "part of a grain", "border", "islands", "across"],
)
def test_a_disk_of_any_shape_is_the_same(raw: ExtentMap, tmp_path: Path) -> None:
    assert_same(raw, tmp_path)


def test_it_is_a_compressed_stream(tmp_path: Path) -> None:
    (tmp_path / "disk.vmdk").write_bytes(made(disk(MIB, 0)))
    found = info(tmp_path / "disk.vmdk", "vmdk")["format-specific"]["data"]
    assert (found["create-type"], found["extents"][0]["compressed"]) == ("streamOptimized", True)


def test_qemu_can_make_the_raw_disk_again(tmp_path: Path) -> None:
    raw = disk(3 * MIB, 0, MIB, 3 * MIB - 512)
    (tmp_path / "disk.vmdk").write_bytes(made(raw))
    qemu_img("convert", "-f", "vmdk", "-O", "raw", str(tmp_path / "disk.vmdk"), str(tmp_path / "raw"))
    assert (tmp_path / "raw").stat().st_size == raw.size


def test_header_and_footer_differ_only_in_the_place_of_the_directory() -> None:
    data = made(disk(MIB, 0))
    header, footer = data[:512], data[-1024:-512]
    assert [index for index in range(512) if header[index] != footer[index]] == list(range(56, 64))
    assert header[56:64] == b"\xff" * 8
    (directory,) = struct.unpack_from("<Q", footer, 56)
    assert data[(directory - 1) * 512 :][:16] == struct.pack("<QII", 1, 0, 2)


def test_grains_are_zlib_streams_of_their_bytes() -> None:
    data = made(disk(MIB, 65536))
    sector, size = struct.unpack_from("<QI", data, 128 * 512)
    assert sector == 128
    assert zlib.decompress(data[128 * 512 + 12 :][:size]) == (65536).to_bytes(8, "big") * 64 + bytes(65536 - 512)


def test_the_descriptor_names_what_the_disk_is() -> None:
    text = made(disk(GIB, 0))[512 : 21 * 512].rstrip(b"\0").decode()
    assert 'createType="streamOptimized"\n' in text
    assert 'RW 2097152 SPARSE "disk.vmdk"\n' in text
    assert 'ddb.adapterType = "lsilogic"\n' in text


def test_zeros_take_no_grain() -> None:
    assert len(made(ExtentMap((Extent(0, Zeros(4 * MIB)),), 4 * MIB))) == len(made(disk(4 * MIB)))


def test_the_id_follows_the_content() -> None:
    def content_id(data: bytes) -> bytes:
        return data.partition(b"CID=")[2][:8]

    one, same, other = (content_id(made(disk(4 * MIB, place))) for place in (0, 0, MIB))
    assert one == same != other


def test_nothing_is_held_whole() -> None:
    """A piece is a grain or metadata, never more."""
    raw = ExtentMap((Extent(0, Inline(bytes(range(256)) * (8 * MIB // 256))),), GIB)
    assert max(map(len, vmdk.chunks(raw, b"seed"))) <= 128 * 512
