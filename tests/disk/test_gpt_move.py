"""A GPT that grows with its device; sgdisk and sfdisk are the judges."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from support.loops import partition, run, sparse_file
from support.maps import MIB, NOISE
from support.tools import need

from lkboard.disk.gpt_move import fit_gpt, sector_size_of_gpt
from lkboard.disk.output import write_file
from lkboard.disk.sparse import map_file
from lkboard.model.extents import Extent, ExtentMap, Inline

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "label: gpt\nfirst-lba: 34\nsize=2M, type=U, name=boot\nsize=3M, name=data\n"
SIZE = 8 * MIB


def _image(folder: Path, script: str = SCRIPT, size: int = SIZE) -> ExtentMap:
    return map_file(partition(sparse_file(folder / "image", size), script))


def _moved(folder: Path, device_size: int) -> Path:
    moved = fit_gpt(_image(folder), device_size)
    assert moved.size == device_size
    write_file(moved, folder / "moved", on_bytes=lambda _done: None)
    return folder / "moved"


def _table(path: Path) -> dict[str, object]:
    table = json.loads(run("sfdisk", "--json", str(path)))["partitiontable"]
    for entry in table["partitions"]:
        entry.pop("node")
    table.pop("device")
    return dict(table)


# one sector more, less than the backup, as much, and much more
SIZES = [SIZE + 512, SIZE + 16 * 512, SIZE + 33 * 512, SIZE + 34 * 512, 9 * MIB, 1 << 30, 3 << 40]


@pytest.mark.parametrize("device_size", SIZES)
def test_sgdisk_finds_no_problem(tmp_path: Path, device_size: int) -> None:
    need("sgdisk")
    assert "No problems found" in run("sgdisk", "--verify", str(_moved(tmp_path, device_size)))


@pytest.mark.parametrize("device_size", SIZES)
def test_the_partitions_stay_and_the_disk_grows(tmp_path: Path, device_size: int) -> None:
    moved = _table(_moved(tmp_path, device_size))
    before = _table(tmp_path / "image")
    assert moved.pop("lastlba") == device_size // 512 - 34
    before.pop("lastlba")
    assert moved == before


@pytest.mark.parametrize("device_size", SIZES)
def test_the_protective_partition_grows_with_the_disk(tmp_path: Path, device_size: int) -> None:
    """UEFI specification, table 5.4: up to the end of the disk, or 0xFFFFFFFF sectors where that cannot be said."""
    with _moved(tmp_path, device_size).open("rb") as file:
        status, kind, start, size = struct.unpack_from("<B3xB3xII", file.read(512), 446)
    assert (status, kind, start) == (0, 0xEE, 1)
    assert size == min(device_size // 512 - 1, 0xFFFF_FFFF)


@pytest.mark.parametrize("device_size", SIZES[:5])
def test_there_is_one_backup(tmp_path: Path, device_size: int) -> None:
    moved = _moved(tmp_path, device_size)
    headers = [
        extent.offset
        for extent in map_file(moved).extents
        for _ in range(moved.read_bytes()[extent.offset : extent.end].count(b"EFI PART"))
    ]
    assert len(headers) == 2
    assert moved.read_bytes()[-512:].startswith(b"EFI PART")


def test_the_backup_alone_tells_the_table(tmp_path: Path) -> None:
    moved = _moved(tmp_path, 20 * MIB)
    before = _table(moved)
    with moved.open("r+b") as file:
        file.seek(512)
        file.write(bytes(512))
    assert _table(moved) == before


def test_the_contents_stay(tmp_path: Path) -> None:
    _image(tmp_path)
    with (tmp_path / "image").open("r+b") as file:
        file.seek(2 * MIB)
        file.write(NOISE)
    write_file(fit_gpt(map_file(tmp_path / "image"), 20 * MIB), tmp_path / "moved", on_bytes=lambda _done: None)
    assert (tmp_path / "moved").read_bytes()[2 * MIB : 4 * MIB] == NOISE


def test_a_device_of_the_same_size_changes_nothing(tmp_path: Path) -> None:
    image = _image(tmp_path)
    assert fit_gpt(image, image.size) is image


@pytest.mark.parametrize("script", ["label: dos\nsize=2M\n", ""])
def test_an_image_without_a_gpt_stays_as_it_is(tmp_path: Path, script: str) -> None:
    image = _image(tmp_path, script) if script else map_file(sparse_file(tmp_path / "image", SIZE))
    assert fit_gpt(image, 2 * SIZE) is image
    assert sector_size_of_gpt(image) == 0


@pytest.mark.parametrize("offset", [512 + 8, 512 + 40, 512 + 88, 1024 + 5])
def test_a_damaged_gpt_is_left_alone(tmp_path: Path, offset: int) -> None:
    _image(tmp_path)
    with (tmp_path / "image").open("r+b") as file:
        file.seek(offset)
        file.write(b"\x99")
    image = map_file(tmp_path / "image")
    assert fit_gpt(image, 2 * SIZE) is image


def test_a_protective_partition_behind_the_end_stays_as_it_is(tmp_path: Path) -> None:
    path = partition(sparse_file(tmp_path / "image", SIZE), SCRIPT)
    with path.open("r+b") as file:
        file.seek(446 + 8)
        file.write(b"\xff\xff\xff\x7f")
    write_file(fit_gpt(map_file(path), 16 * MIB), tmp_path / "moved", on_bytes=lambda _done: None)
    assert (tmp_path / "moved").read_bytes()[446:510] == path.read_bytes()[446:510]


def test_a_cut_image_gets_a_backup(tmp_path: Path) -> None:
    need("sgdisk")
    _image(tmp_path)
    with (tmp_path / "image").open("r+b") as file:
        file.truncate(SIZE - 33 * 512)
    write_file(fit_gpt(map_file(tmp_path / "image"), 2 * SIZE), tmp_path / "moved", on_bytes=lambda _done: None)
    assert "No problems found" in run("sgdisk", "--verify", str(tmp_path / "moved"))


def test_large_sectors_are_known(tmp_path: Path) -> None:
    # sfdisk cannot make them in a file: move the header of the small sectors to where the large ones have it
    _image(tmp_path)
    data = (tmp_path / "image").read_bytes()
    header = bytearray(data[512:1024])
    header[72:80] = (2).to_bytes(8, "little")
    header[16:20] = bytes(4)
    import zlib

    header[16:20] = zlib.crc32(header[:92]).to_bytes(4, "little")
    image = ExtentMap(
        (
            Extent(0, Inline(data[:512])),
            Extent(4096, Inline(bytes(header))),
            Extent(8192, Inline(data[1024 : 34 * 512])),
        ),
        SIZE,
    )
    assert sector_size_of_gpt(image) == 4096
    assert sector_size_of_gpt(map_file(tmp_path / "image")) == 512


def test_the_same_input_gives_the_same_map(tmp_path: Path) -> None:
    image = _image(tmp_path)
    assert fit_gpt(image, 2 * SIZE) == fit_gpt(image, 2 * SIZE)
