from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.disk.blocks import data_extents, used_blocks
from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros


def extents(*places: tuple[int, int]) -> list[Extent]:
    return [Extent(start, Zeros(end - start)) for start, end in places]


@pytest.mark.parametrize(
    ("places", "runs"),
    [
        ([], []),
        ([(0, 10)], [range(1)]),
        ([(9, 11)], [range(2)]),
        ([(10, 20)], [range(1, 2)]),
        ([(0, 3), (5, 9)], [range(1)]),
        ([(0, 10), (10, 20)], [range(2)]),
        ([(0, 10), (20, 30)], [range(1), range(2, 3)]),
        ([(5, 25), (29, 31)], [range(4)]),
    ],
    ids=str,
)
def test_blocks_that_are_touched_are_used(places: list[tuple[int, int]], runs: list[range]) -> None:
    assert list(used_blocks(extents(*places), 10)) == runs


@given(st.lists(st.integers(0, 200), unique=True, max_size=20), st.integers(1, 30))
def test_every_byte_is_in_a_used_block_and_no_other_is_used(offsets: list[int], size: int) -> None:
    found = {number for run in used_blocks(extents(*((at, at + 1) for at in sorted(offsets))), size) for number in run}
    assert found == {at // size for at in offsets}


def test_zeros_and_nothing_are_no_data() -> None:
    data = Extent(9, Inline(b"x"))
    assert data_extents(ExtentMap((Extent(0, Zeros(5)), Extent(7, Inline(b"")), data), 20)) == (data,)
