"""Extents and contents: sizes, order, and that a writer's mistakes do not pass."""

from __future__ import annotations

import pytest

from lkboard.model.extents import EMPTY, Content, Extent, ExtentMap, FileSpan, Inline, Zeros, place

SPAN = FileSpan("/layer.tar", 512, 100, "sha256:x")


def test_a_content_is_as_long_as_its_parts() -> None:
    assert Content((Inline(b"abc"), SPAN, Zeros(7))).size == 110


def test_an_empty_content_has_no_parts() -> None:
    assert Content.of(b"") == EMPTY
    assert EMPTY.size == 0


def test_contents_are_joined_in_order() -> None:
    assert (Content.of(b"a") + Content.of(b"b")).parts == (Inline(b"a"), Inline(b"b"))


def test_a_content_is_placed_part_by_part() -> None:
    assert place(Content((Inline(b"abc"), SPAN)), 10) == (Extent(10, Inline(b"abc")), Extent(13, SPAN))


def test_holes_do_not_count_as_mapped() -> None:
    assert ExtentMap((Extent(0, Inline(b"abc")), Extent(10, Zeros(5))), 100).mapped_bytes == 3


def test_a_map_can_be_moved() -> None:
    assert ExtentMap((Extent(4, SPAN),), 200).shifted(1000) == (Extent(1004, SPAN),)


def test_extents_may_touch() -> None:
    assert ExtentMap((Extent(0, Zeros(4)), Extent(4, Zeros(4))), 8).size == 8


@pytest.mark.parametrize(
    "extents",
    [
        (Extent(0, Zeros(5)), Extent(4, Zeros(1))),
        (Extent(4, Zeros(1)), Extent(0, Zeros(1))),
        (Extent(0, Zeros(9)),),
        (Extent(-1, Zeros(1)),),
    ],
    ids=["overlap", "out of order", "behind the end", "before the start"],
)
def test_a_wrong_map_cannot_be_made(extents: tuple[Extent, ...]) -> None:
    with pytest.raises(ValueError, match="extent"):
        ExtentMap(extents, 8)
