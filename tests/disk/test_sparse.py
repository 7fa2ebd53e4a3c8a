"""Files with holes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.maps import MIB, NOISE, Recipe, recipes

from lkboard.disk.sparse import map_file, write_sparse
from lkboard.disk.window import MapReader
from lkboard.errors import BuildError
from lkboard.model.extents import Extent, FileSpan

if TYPE_CHECKING:
    from pathlib import Path

many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _write(path: Path, *pieces: tuple[int, bytes], size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
        for offset, data in pieces:
            write_sparse(file.fileno(), memoryview(data), offset)
    return path


def test_holes_are_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path / "image", (MIB, NOISE[:4096]), (3 * MIB, NOISE[:4096]), size=5 * MIB)
    assert map_file(path).extents == (
        Extent(MIB, FileSpan(str(path), MIB, 4096)),
        Extent(3 * MIB, FileSpan(str(path), 3 * MIB, 4096)),
    )
    assert map_file(path).size == 5 * MIB


def test_a_file_that_is_one_hole(tmp_path: Path) -> None:
    path = _write(tmp_path / "image", size=MIB)
    assert (map_file(path).extents, map_file(path).size) == ((), MIB)


def test_an_empty_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "image", size=0)
    assert (map_file(path).extents, map_file(path).size) == ((), 0)


def test_a_file_without_holes(tmp_path: Path) -> None:
    path = _write(tmp_path / "image", (0, NOISE), size=len(NOISE))
    assert map_file(path).mapped_bytes == len(NOISE)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cannot read '.*gone': No such file"):
        map_file(tmp_path / "gone")


@many
@given(recipe=recipes())
def test_the_map_stands_for_the_file(tmp_path: Path, recipe: Recipe) -> None:
    path = _write(tmp_path / "image", (0, recipe.bytes()), size=recipe.size)
    assert path.read_bytes() == recipe.bytes()
    with MapReader(map_file(path)) as reader:
        assert reader.read(0, recipe.size) == recipe.bytes()


@many
@given(offset=st.integers(0, 200_000), size=st.integers(0, 200_000))
def test_zeros_take_no_room(tmp_path: Path, offset: int, size: int) -> None:
    path = _write(tmp_path / "image", (offset, bytes(size)), size=offset + size)
    assert path.stat().st_blocks == 0
