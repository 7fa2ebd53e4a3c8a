"""Where inodes get their places."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lkboard.disk.erofs_slots import BLOCK_SIZE, SLOT_SIZE, Slots


def taken(sizes: list[int], first_block: int = 1) -> list[tuple[int, int]]:
    """Return where each begins and ends, in bytes."""
    slots = Slots(first_block)
    starts = [slots.take(size) * SLOT_SIZE for size in sizes]
    return [(start, start + size) for start, size in zip(starts, sizes, strict=True)]


@given(st.lists(st.integers(1, 3 * BLOCK_SIZE)))
def test_none_lies_on_another_or_crosses_a_block_in_vain(sizes: list[int]) -> None:
    places = sorted(taken(sizes))
    for (_start, end), (following, _end) in pairwise(places):
        assert end <= following
    for start, end in places:
        is_larger = end - start > BLOCK_SIZE
        assert start % BLOCK_SIZE == 0 if is_larger else start // BLOCK_SIZE == (end - 1) // BLOCK_SIZE


@given(st.lists(st.integers(1, 3 * BLOCK_SIZE), min_size=1), st.integers(0, 100))
def test_the_end_is_behind_the_last_and_no_block_is_skipped(sizes: list[int], first: int) -> None:
    slots = Slots(first)
    ends = [-(-(slots.take(size) * SLOT_SIZE + size) // BLOCK_SIZE) for size in sizes]
    assert slots.end == max(ends)
    assert slots.end - first <= sum(-(-size // BLOCK_SIZE) for size in sizes)


def test_the_first_is_at_the_beginning() -> None:
    assert Slots(1).take(64) == BLOCK_SIZE // SLOT_SIZE


def test_gaps_are_filled_before_a_block_is_begun() -> None:
    assert taken([3000, 2000, 1000, 1500], 0) == [(0, 3000), (4096, 6096), (3008, 4008), (6112, 7612)]


def test_the_fullest_block_that_has_room_is_taken() -> None:
    assert taken([2048, 3072, 1024], 0)[-1] == (4096 + 3072, 8192)


def test_what_is_behind_a_large_one_is_room_for_others() -> None:
    assert taken([5000, 64], 0) == [(0, 5000), (5024, 5088)]
