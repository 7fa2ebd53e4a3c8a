"""Any range of a map, and maps with changed bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.maps import MIB, NOISE, Recipe, recipes

from lkboard.disk.window import MapReader, overlay
from lkboard.errors import BuildError
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from pathlib import Path

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(recipe=recipes(), data=st.data())
def test_any_range_is_read_as_it_is(tmp_path: Path, recipe: Recipe, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, recipe.size))
    size = data.draw(st.integers(0, recipe.size - start))
    with MapReader(recipe.make(tmp_path)) as reader:
        assert reader.read(start, size) == recipe.bytes()[start : start + size]


@many
@given(recipe=recipes(), changes=recipes())
def test_changes_hide_what_was_there(tmp_path: Path, recipe: Recipe, changes: Recipe) -> None:
    size = max(recipe.size, changes.size)
    changed = overlay(recipe.make(tmp_path), changes.make(tmp_path).extents, size)
    expected = bytearray(recipe.bytes().ljust(size, b"\0"))
    for piece in changes.pieces:
        end = piece.offset + piece.size
        expected[piece.offset : end] = changes.bytes()[piece.offset : end]
    with MapReader(changed) as reader:
        assert reader.read(0, size) == bytes(expected)


def test_a_buffer_is_filled_completely() -> None:
    buffer = bytearray(b"\xff" * 8)
    with MapReader(ExtentMap((Extent(2, Inline(b"ab")), Extent(6, Zeros(1))), 8)) as reader:
        reader.read_into(0, memoryview(buffer))
    assert buffer == b"\0\0ab\0\0\0\0"


def test_the_digest_of_a_cut_file_stays() -> None:
    image = ExtentMap((Extent(0, FileSpan("x", 100, 50, "sha256:1")),), 50)
    changed = overlay(image, (Extent(10, Inline(b"new")),), 50)
    assert [extent.source for extent in changed.extents] == [
        FileSpan("x", 100, 10, "sha256:1"),
        Inline(b"new"),
        FileSpan("x", 113, 37, "sha256:1"),
    ]


def test_a_file_that_is_too_short(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(NOISE[:100])
    with (
        MapReader(ExtentMap((Extent(0, FileSpan(str(tmp_path / "short"), 0, MIB)),), MIB)) as reader,
        pytest.raises(BuildError, match="became shorter"),
    ):
        reader.read(0, MIB)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with (
        MapReader(ExtentMap((Extent(0, FileSpan(str(tmp_path / "gone"), 0, 1)),), 1)) as reader,
        pytest.raises(BuildError, match=r"cannot read '.*gone'"),
    ):
        reader.read(0, 1)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with (
        MapReader(ExtentMap((Extent(0, FileSpan(str(tmp_path), 0, 1)),), 1)) as reader,
        pytest.raises(BuildError, match="Is a directory"),
    ):
        reader.read(0, 1)
