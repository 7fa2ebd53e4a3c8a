"""Block maps, judged by bmaptool."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.maps import MIB, NOISE, Recipe, recipes
from support.plans import save
from support.tools import need

from lkboard.disk.bmap import BLOCK, RangeSums, block_ranges, document
from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros


def mapped(extents: ExtentMap) -> bytes:
    """Return the block map of a small map, made from its bytes at once."""
    ranges = block_ranges(extents)
    sums = RangeSums(ranges)
    with tempfile.TemporaryDirectory() as name:
        sums.update(save(extents, Path(name, "image")).read_bytes())
    return document(extents.size, ranges, sums.sums())


def bmaptool(folder: Path) -> subprocess.CompletedProcess[str]:
    """Copy ``image`` to ``medium`` by the block map beside it."""
    need("bmaptool")
    return subprocess.run(
        ["bmaptool", "copy", folder / "image", folder / "medium"], capture_output=True, text=True, check=False
    )


def prepare(folder: Path, extents: ExtentMap) -> None:
    """Write an image and its block map."""
    save(extents, folder / "image")
    (folder / "image.bmap").write_bytes(mapped(extents))


@pytest.fixture
def extents() -> ExtentMap:
    """Two ranges, the second of which ends in the middle of a block, and a hole between them."""
    return ExtentMap((Extent(10, Inline(b"a" * 5000)), Extent(MIB, Inline(b"b" * 3000))), MIB + 3001)


@settings(max_examples=15, deadline=None)
@given(recipes(min_pieces=1))
def test_bmaptool_copies_what_the_map_mentions_and_nothing_else(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        extents = recipe.make(folder)
        prepare(folder, extents)
        used = {number for run in block_ranges(extents) for number in run}
        with (folder / "image").open("r+b") as image:
            for number in {*range(recipe.size // BLOCK)} - used:
                image.seek(number * BLOCK)
                image.write(b"not to be copied")
        done = bmaptool(folder)
        assert done.returncode == 0, done.stderr
        assert (folder / "medium").read_bytes() == recipe.bytes()


def test_bmaptool_agrees_about_the_numbers(tmp_path: Path, extents: ExtentMap) -> None:
    prepare(tmp_path, extents)
    assert "mapped 3 blocks (12.0 KiB or 1.2%)" in bmaptool(tmp_path).stderr


def test_bmaptool_makes_the_same_map_of_the_holes(tmp_path: Path) -> None:
    need("bmaptool")
    pieces = (
        Extent(0, Inline(NOISE[: 16 * BLOCK])),
        Extent(MIB, Inline(NOISE[:BLOCK])),
        Extent(3 * MIB, Inline(NOISE)),
    )
    prepare(tmp_path, ExtentMap(pieces, 8 * MIB))
    subprocess.run(["bmaptool", "-q", "create", "-o", tmp_path / "theirs", tmp_path / "image"], check=True)
    ours, theirs = (ET.parse(tmp_path / name).getroot() for name in ("image.bmap", "theirs"))
    for name in ("ImageSize", "BlockSize", "BlocksCount", "MappedBlocksCount", "ChecksumType"):
        assert ours.findtext(name, "").split() == theirs.findtext(name, "").split() != []
    for found in (ours, theirs):
        assert [element.text for element in found.findall("BlockMap/Range")] == [" 0-15 ", " 256 ", " 768-1279 "]
    assert [element.get("chksum") for element in ours.findall("BlockMap/Range")] == [
        element.get("chksum") for element in theirs.findall("BlockMap/Range")
    ]


def test_zeros_that_are_content_are_copied() -> None:
    extents = ExtentMap((Extent(BLOCK, Zeros(BLOCK)), Extent(4 * BLOCK, Inline(b"x"))), 8 * BLOCK)
    assert block_ranges(extents) == (range(1, 2), range(4, 5))


def test_ranges_that_touch_are_one() -> None:
    extents = ExtentMap((Extent(0, Inline(b"x" * BLOCK)), Extent(BLOCK, Inline(b"y"))), 8 * BLOCK)
    assert block_ranges(extents) == (range(2),)


def test_bmaptool_sees_an_image_that_changed(tmp_path: Path, extents: ExtentMap) -> None:
    prepare(tmp_path, extents)
    with (tmp_path / "image").open("r+b") as image:
        image.seek(MIB)
        image.write(b"x")
    done = bmaptool(tmp_path)
    assert done.returncode != 0
    assert "checksum mismatch for blocks range 256-256" in done.stderr


def test_bmaptool_sees_a_map_that_changed(tmp_path: Path, extents: ExtentMap) -> None:
    prepare(tmp_path, extents)
    text = (tmp_path / "image.bmap").read_text()
    (tmp_path / "image.bmap").write_text(text.replace(" 256 ", " 255-256 "))
    done = bmaptool(tmp_path)
    assert done.returncode != 0
    assert "checksum mismatch for bmap file" in done.stderr


def test_an_image_without_data_has_no_ranges() -> None:
    root = ET.fromstring(mapped(ExtentMap((), 10 * BLOCK)))
    assert root.findtext("MappedBlocksCount") == " 0 "
    assert root.findall("BlockMap/Range") == []


def test_a_map_depends_on_nothing_but_the_image(extents: ExtentMap) -> None:
    assert hashlib.sha256(mapped(extents)).hexdigest() == (
        "89a84ff871006d5dc86f82580a035323f627891fff92d22d9a0236e2f38b7a14"
    )


@settings(max_examples=50, deadline=None)
@given(recipes(min_pieces=1, max_size=MIB), st.sampled_from([1000, BLOCK, 5000, MIB]))
def test_sums_do_not_depend_on_how_the_image_is_cut(recipe: Recipe, size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        ranges = block_ranges(recipe.make(Path(name)))
    image = recipe.bytes()
    sums = RangeSums(ranges)
    for start in range(0, len(image), size):
        sums.update(memoryview(image)[start : start + size])
    expected = [hashlib.sha256(image[run.start * BLOCK : run.stop * BLOCK]).hexdigest() for run in ranges]
    assert list(sums.sums()) == expected


class Counted(list[range]):
    """Ranges that count how many of them were looked at."""

    looks = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.looks += len(found) if isinstance(key, slice) else 1
        return found


def test_ranges_are_not_gone_through_with_each_piece() -> None:
    count = 3000
    ranges = Counted(range(2 * number, 2 * number + 1) for number in range(count))
    sums = RangeSums(ranges)
    for _ in range(2 * count):
        sums.update(bytes(BLOCK))
    assert len(set(sums.sums())) == 1
    assert ranges.looks < 5 * count
