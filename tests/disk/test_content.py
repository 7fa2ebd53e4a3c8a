from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plans import map_bytes

from lkboard.disk import content
from lkboard.errors import BuildError
from lkboard.model.extents import EMPTY, Content, Extent, ExtentMap, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from pathlib import Path

PARTS = st.lists(st.one_of(st.binary(max_size=20).map(Inline), st.integers(0, 20).map(Zeros)), max_size=6)
CONTENTS = st.lists(PARTS.map(lambda parts: Content(tuple(parts))), max_size=6)


@pytest.fixture
def mixed(tmp_path: Path) -> Content:
    path = tmp_path / "blob"
    path.write_bytes(b"0123456789")
    return Content((Inline(b"ab"), FileSpan(str(path), 3, 4), Zeros(3), Inline(b"c")))


MIXED_BYTES = b"ab3456\0\0\0c"


def test_read_joins_all_kinds_of_sources(mixed: Content) -> None:
    assert content.read(mixed) == MIXED_BYTES


def test_reading_one_piece_of_memory_copies_nothing() -> None:
    data = b"kernel"
    assert content.read(Content.of(data)) is data


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_chunks_have_at_most_the_wanted_size(mixed: Content, size: int) -> None:
    pieces = list(content.chunks(mixed, size))
    assert b"".join(pieces) == MIXED_BYTES
    assert all(0 < len(piece) <= size for piece in pieces)


def test_digest_is_the_sha256_of_the_bytes(mixed: Content) -> None:
    assert content.digest(mixed) == f"sha256:{hashlib.sha256(MIXED_BYTES).hexdigest()}"


def test_digest_does_not_depend_on_how_the_bytes_are_stored(mixed: Content) -> None:
    assert content.digest(mixed) == content.digest(Content.of(MIXED_BYTES))


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"12345")
    with pytest.raises(BuildError, match=r"short' became shorter .*build again"):
        content.read(Content((FileSpan(str(path), 2, 10),)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cannot read '.*gone': No such file"):
        content.read(Content((FileSpan(str(tmp_path / "gone"), 0, 1),)))


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cannot read .*: Is a directory"):
        content.read(Content((FileSpan(str(tmp_path), 0, 1),)))


def test_a_large_hole_is_read_without_its_size_in_memory() -> None:
    pieces = content.chunks(Content((Zeros(1 << 40),)))
    assert len(next(pieces)) == content.CHUNK_SIZE


@given(CONTENTS)
def test_concatenate_keeps_bytes_and_order(contents: list[Content]) -> None:
    expected = b"".join(content.read(part) for part in contents)
    assert map_bytes(content.concatenate(contents)) == expected


@given(CONTENTS)
def test_concatenate_joins_neighbours_in_memory(contents: list[Content]) -> None:
    sources = [extent.source for extent in content.concatenate(contents).extents]
    kinds = [isinstance(source, Inline) for source in sources]
    assert (True, True) not in itertools.pairwise(kinds)
    assert all(source.size for source in sources)


def test_as_content_fills_gaps_with_zeros() -> None:
    extents = ExtentMap((Extent(2, Inline(b"ab")), Extent(6, Inline(b"c"))), 9)
    assert content.read(content.as_content(extents)) == b"\0\0ab\0\0c\0\0"


@given(CONTENTS)
def test_as_content_undoes_concatenate(contents: list[Content]) -> None:
    joined = content.concatenate(contents)
    assert content.read(content.as_content(joined)) == map_bytes(joined)


def test_an_empty_content_has_the_digest_of_nothing() -> None:
    assert content.digest(EMPTY) == f"sha256:{hashlib.sha256(b'').hexdigest()}"


@pytest.mark.parametrize(("text", "encoded"), [("ü", b"\xc3\xbc"), ("a\udcff", b"a\xff")])
def test_names_keep_the_bytes_of_their_layer(text: str, encoded: bytes) -> None:
    assert content.encode(text) == encoded


@given(PARTS, st.integers(1, 30))
def test_slices_have_one_size_and_lose_nothing(parts: list[Inline | Zeros], size: int) -> None:
    whole = Content(tuple(parts))
    found = list(content.slices(whole, size))
    assert b"".join(content.read(piece) for piece in found) == content.read(whole)
    assert [piece.size for piece in found[:-1]] == [size] * (len(found) - 1)
    assert all(0 < piece.size <= size for piece in found)


@given(PARTS, st.data())
def test_a_piece_is_what_it_is_of_the_bytes(parts: list[Inline | Zeros], data: st.DataObject) -> None:
    whole = Content(tuple(parts))
    start = data.draw(st.integers(0, whole.size))
    size = data.draw(st.integers(0, whole.size - start))
    piece = content.piece_of(whole, start, size)
    assert content.read(piece) == content.read(whole)[start : start + size]
    assert all(part.size for part in piece.parts)


def test_a_piece_that_has_all_of_a_source_takes_it_as_it_is(mixed: Content) -> None:
    assert content.piece_of(mixed, 2, 7).parts == mixed.parts[1:3]


def test_a_slice_of_a_file_is_another_span_of_it(mixed: Content) -> None:
    assert [content.read(piece) for piece in content.slices(mixed, 4)] == [b"ab34", b"56\0\0", b"\0c"]
