"""Holes whose zeros matter are written, free space is not; fsck.fat and mtools judge on a used card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.loops import filled_file, partition, run, sparse_file
from support.maps import MIB, NOISE
from support.tools import need

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


@pytest.mark.parametrize("offset", [11, 13, 14, 16, 32, 36])
def test_a_nonsensical_boot_sector_has_no_free_space(tmp_path: Path, offset: int) -> None:
    path = _fat(tmp_path / "image", "-F", "32", size=64 * MIB, files=0)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(4) if offset >= 32 else bytes(1) if offset in {13, 16} else bytes(2))
    image = with_needed_zeros(map_file(path), path)
    with MapReader(image) as reader:
        assert reader.read(0, image.size) == path.read_bytes()
