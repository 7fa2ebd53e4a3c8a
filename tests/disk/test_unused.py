"""Holes whose zeros matter are written, free space is not; fsck.fat and mtools judge on a used card."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from support.loops import filled_file, partition, run, sparse_file
from support.maps import MIB, NOISE
from support.tools import need

from lkboard.disk import unused
from lkboard.disk.sparse import map_file
from lkboard.disk.unused import with_needed_zeros
from lkboard.disk.window import MapReader
from lkboard.model.extents import Extent, Zeros

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.extents import ExtentMap


def _on_a_used_card(image: ExtentMap, folder: Path) -> Path:
    """Return a card full of old bytes after what the map mentions was written to it."""
    card = filled_file(folder / "card", image.size)
    with MapReader(image) as reader, card.open("r+b") as file:
        for extent in image.extents:
            file.seek(extent.offset)
            file.write(reader.read(extent.offset, extent.size))
    return card


def _fat(path: Path, *options: str, size: int, files: int = 3) -> Path:
    need("mkfs.vfat", "mcopy")
    sparse_file(path, size)
    run("mkfs.vfat", *options, str(path))
    for number in range(files):
        (path.parent / "file").write_bytes(NOISE[: 300_000 + number])
        run("mcopy", "-i", str(path), str(path.parent / "file"), f"::/file{number}")
    run("fallocate", "--dig-holes", str(path))
    return path


@pytest.mark.parametrize(
    ("options", "size"), [(("-F", "32"), 64 * MIB), (("-F", "16"), 32 * MIB), (("-F", "32", "-s", "8"), 600 * MIB)]
)
def test_a_fat_on_a_used_card_is_sound(tmp_path: Path, options: tuple[str, ...], size: int) -> None:
    need("fsck.fat")
    path = _fat(tmp_path / "image", *options, size=size)
    image = with_needed_zeros(map_file(path), path)
    card = _on_a_used_card(image, tmp_path)
    run("fsck.fat", "-n", str(card))
    run("mcopy", "-i", str(card), "::/file1", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == NOISE[:300_001]
    assert sum(extent.size for extent in image.extents) < 8 * MIB


def test_without_them_it_is_not(tmp_path: Path) -> None:
    """The reason for the module: a hole in the allocation table becomes old bytes."""
    path = _fat(tmp_path / "image", "-F", "32", size=64 * MIB)
    card = _on_a_used_card(map_file(path), tmp_path)
    with pytest.raises(AssertionError, match=r"fsck\.fat"):
        run("fsck.fat", "-n", str(card))


def test_a_partitioned_fat(tmp_path: Path) -> None:
    need("fsck.fat", "mkfs.vfat")
    path = partition(sparse_file(tmp_path / "image", 66 * MIB), "label: dos\nstart=2048, size=64M, type=c\n")
    run("mkfs.vfat", "-F", "32", "--offset", "2048", str(path), str(64 << 10))
    image = with_needed_zeros(map_file(path), path)
    covered = sum(extent.size for extent in image.extents)
    # all but the free space of the partition: the gap in front of it, its tables, and the MiB behind it
    assert 2 * MIB < covered < 6 * MIB


def test_a_file_of_zeros_is_written(tmp_path: Path) -> None:
    path = _fat(tmp_path / "image", "-F", "32", size=64 * MIB)
    sparse_file(tmp_path / "zeros", 4 * MIB)
    run("mcopy", "-i", str(path), str(tmp_path / "zeros"), "::/zeros")
    (tmp_path / "last").write_bytes(b"last")
    run("mcopy", "-i", str(path), str(tmp_path / "last"), "::/last")
    run("fallocate", "--dig-holes", str(path))
    card = _on_a_used_card(with_needed_zeros(map_file(path), path), tmp_path)
    run("mcopy", "-i", str(card), "::/zeros", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == bytes(4 * MIB)


def test_other_file_systems_are_written_whole(tmp_path: Path) -> None:
    need("mkfs.ext4")
    path = sparse_file(tmp_path / "image", 16 * MIB)
    run("mkfs.ext4", "-q", str(path))
    card = _on_a_used_card(with_needed_zeros(map_file(path), path), tmp_path)
    assert card.read_bytes() == path.read_bytes()
    run("e2fsck", "-fn", str(card))


def test_an_image_without_anything(tmp_path: Path) -> None:
    path = sparse_file(tmp_path / "image", 4 * MIB)
    assert with_needed_zeros(map_file(path), path).extents == (Extent(0, Zeros(4 * MIB)),)


def test_an_image_without_holes_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(NOISE)
    image = map_file(tmp_path / "image")
    assert with_needed_zeros(image, tmp_path / "image") == image


def test_partitions_that_share_bytes_have_no_free_space(tmp_path: Path) -> None:
    script = "label: dos\nstart=2048, size=64M, type=c\n"
    path = partition(sparse_file(tmp_path / "image", 66 * MIB), script)
    run("mkfs.vfat", "-F", "32", "--offset", "2048", str(path), str(64 << 10))
    with path.open("r+b") as file:  # a second entry for the second half of the first: sfdisk would refuse it
        file.seek(446 + 16)
        file.write(bytes(4) + b"\x83" + bytes(3) + (2048 + 65536).to_bytes(4, "little") + (65536).to_bytes(4, "little"))
    image = with_needed_zeros(map_file(path), path)
    assert sum(extent.size for extent in image.extents) == image.size


@pytest.mark.parametrize("bits", ["16", "32"])
@pytest.mark.parametrize("clue", ["signature", "media byte"])
def test_what_only_looks_like_a_fat_has_no_free_space(tmp_path: Path, bits: str, clue: str) -> None:
    path = _fat(tmp_path / "image", "-F", bits, size=64 * MIB)
    with path.open("r+b") as file:
        file.seek({"16": 54, "32": 82}[bits] if clue == "signature" else 21)
        file.write(b"\0")
    image = with_needed_zeros(map_file(path), path)
    assert sum(extent.size for extent in image.extents) == image.size


@dataclass(frozen=True)
class Fat:
    """An empty FAT16 or FAT32, by its boot sector (fatgen103, section 3): all else in it is a hole."""

    clusters: int
    bits: int = 16
    sector: int = 512
    per_cluster: int = 1
    reserved: int = 1
    fat_sectors: int = 0
    root_entries: int = 0
    more_sectors: int = 0

    @property
    def fat_size(self) -> int:
        """Bytes of its one allocation table."""
        needed = -(-(self.clusters + 2) * self.bits // 8 // self.sector)
        return (self.fat_sectors or needed) * self.sector

    @property
    def first_free(self) -> int:
        """Where its first cluster begins."""
        return (self.reserved + -(-self.root_entries * 32 // self.sector)) * self.sector + self.fat_size

    @property
    def size(self) -> int:
        """Bytes of the file system, as the boot sector says it."""
        return self.first_free + (self.clusters * self.per_cluster + self.more_sectors) * self.sector

    def write(self, path: Path) -> Path:
        """Write it to a file of its size: boot sector and media byte."""
        boot = bytearray(512)
        struct.pack_into(
            "<HBHBHHB", boot, 11, self.sector, self.per_cluster, self.reserved, 1, self.root_entries, 0, 0xF8
        )
        struct.pack_into("<I", boot, 32, self.size // self.sector)
        if self.bits == 16:
            struct.pack_into("<H", boot, 22, self.fat_size // self.sector)
            boot[54:57] = b"FAT"
        else:
            struct.pack_into("<I", boot, 36, self.fat_size // self.sector)
            boot[82:85] = b"FAT"
        boot[510:] = b"\x55\xaa"
        with sparse_file(path, self.size).open("r+b") as file:
            file.write(boot)
            file.seek(self.reserved * self.sector)
            file.write(b"\xf8\xff\xff\xff" if self.bits == 16 else b"\xf8\xff\xff\x0f\xff\xff\xff\xff")
        return path


def needed(path: Path) -> int:
    """How many bytes of an image are written to a device."""
    return sum(extent.size for extent in with_needed_zeros(map_file(path), path).extents)


@pytest.mark.parametrize(
    "fat",
    [
        Fat(4085),
        Fat(65524),
        Fat(4085, sector=1024),
        Fat(4085, sector=2048),
        Fat(4085, sector=4096),
        Fat(5000, per_cluster=8, root_entries=500, reserved=4),
        Fat(5000, fat_sectors=100),
        Fat(5000, per_cluster=4, more_sectors=3),
        Fat(65525, bits=32, reserved=32),
        Fat(100, bits=32, fat_sectors=50),
    ],
    ids=repr,
)
def test_all_behind_the_tables_of_an_empty_fat_is_free(tmp_path: Path, fat: Fat) -> None:
    assert needed(fat.write(tmp_path / "image")) == fat.first_free


@pytest.mark.parametrize(
    "fat",
    [Fat(4084), Fat(4085, sector=256), Fat(4085, sector=8192), Fat(4085, sector=513), Fat(5000, reserved=0)],
    ids=repr,
)
def test_what_may_be_a_fat12_or_makes_no_sense_is_written_whole(tmp_path: Path, fat: Fat) -> None:
    path = fat.write(tmp_path / "image")
    assert needed(path) == path.stat().st_size


@pytest.mark.parametrize(("limit", "is_read"), [(0, True), (-1, False)])
def test_only_tables_up_to_a_limit_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, is_read: bool
) -> None:
    fat = Fat(5000)
    path = fat.write(tmp_path / "image")
    monkeypatch.setattr(unused, "_TABLE_LIMIT", fat.fat_size + limit)
    assert needed(path) == (fat.first_free if is_read else fat.size)


@pytest.mark.parametrize(("room", "is_trusted"), [(0, True), (-1, False)])
def test_a_fat_must_fit_its_partition(tmp_path: Path, room: int, is_trusted: bool) -> None:
    """The partition begins at 1 MiB and has a MiB of something else behind it."""
    fat = Fat(8000)
    sectors = fat.size // 512 + room
    path = partition(sparse_file(tmp_path / "image", 8 * MIB), f"label: dos\nstart=2048, size={sectors}, type=6\n")
    with path.open("r+b") as file:
        file.seek(MIB)
        file.write(fat.write(tmp_path / "fat").read_bytes())
    run("fallocate", "--dig-holes", str(path))
    assert needed(path) == 8 * MIB - (fat.size - fat.first_free if is_trusted else 0)


@pytest.mark.parametrize("missing", [0, 512])
def test_a_partition_that_the_image_does_not_hold_has_no_free_space(tmp_path: Path, missing: int) -> None:
    fat = Fat(8000)
    path = partition(
        sparse_file(tmp_path / "image", 8 * MIB), f"label: dos\nstart=2048, size={fat.size // 512}, type=6\n"
    )
    with path.open("r+b") as file:
        file.seek(MIB)
        file.write(fat.write(tmp_path / "fat").read_bytes())
        file.truncate(MIB + fat.size - missing)
    run("fallocate", "--dig-holes", str(path))
    assert (needed(path) < path.stat().st_size) == (missing == 0)


@pytest.mark.parametrize("last", [2, 3, 1000, 5001])
def test_free_space_begins_behind_the_last_used_cluster(tmp_path: Path, last: int) -> None:
    fat = Fat(5000)
    path = fat.write(tmp_path / "image")
    with path.open("r+b") as file:
        file.seek(fat.reserved * fat.sector + 2 * last)
        file.write(b"\xff\xff")
    assert needed(path) == fat.first_free + (last - 1) * fat.sector


@pytest.mark.parametrize(("offset", "size"), [(11, 2), (13, 1), (14, 2), (16, 1), (22, 2), (32, 4)])
def test_a_boot_sector_with_a_zero_that_may_not_be_one_has_no_free_space(
    tmp_path: Path, offset: int, size: int
) -> None:
    path = Fat(5000).write(tmp_path / "image")
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(size))
        file.seek(512)
        file.write(b"\xf8\xff\xff\xff")
    assert needed(path) == path.stat().st_size


def test_what_is_in_a_table_behind_the_last_cluster_does_not_count(tmp_path: Path) -> None:
    fat = Fat(5000, fat_sectors=100)
    path = fat.write(tmp_path / "image")
    with path.open("r+b") as file:
        file.seek(fat.reserved * fat.sector + 20_000)
        file.write(b"\xff\xff")
    assert needed(path) == fat.first_free
