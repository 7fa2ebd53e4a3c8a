from __future__ import annotations

import gzip
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.maps import MIB, Recipe, recipes
from support.tools import need

from lkboard.disk import packed
from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros


def gzipped(extents: ExtentMap) -> list[bytes]:
    return list(packed.pieces(extents, "gz", on_bytes=lambda _done: None))


@settings(max_examples=20, deadline=None)
@given(recipes())
def test_it_unpacks_to_the_map(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as name:
        data = b"".join(gzipped(recipe.make(Path(name))))
    assert gzip.decompress(data) == recipe.bytes()


@pytest.mark.parametrize("size", [1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB])
def test_gzip_accepts_it(size: int, tmp_path: Path) -> None:
    need("gzip")
    raw = ExtentMap((Extent(size - 1, Inline(b"x")),), size)
    (tmp_path / "file.gz").write_bytes(b"".join(gzipped(raw)))
    done = subprocess.run(["gzip", "-dc", tmp_path / "file.gz"], capture_output=True, check=True)
    assert done.stdout == bytes(size - 1) + b"x"


def test_an_empty_map_is_an_empty_member() -> None:
    (member,) = gzipped(ExtentMap((), 0))
    assert gzip.decompress(member) == b""


def test_holes_and_zeros_are_the_same() -> None:
    hole, zeros = ExtentMap((), 6 * MIB), ExtentMap((Extent(0, Zeros(6 * MIB)),), 6 * MIB)
    assert gzipped(hole) == gzipped(zeros)


def test_a_huge_hole_is_small() -> None:
    assert sum(map(len, gzipped(ExtentMap((), 1 << 30)))) < 5 * MIB


def test_members_bear_no_time_and_no_name() -> None:
    (member,) = gzipped(ExtentMap((), 100))
    assert member[3:8] == bytes(5)
