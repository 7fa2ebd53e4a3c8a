"""The pieces that are moved cover the map, are aligned, and leave the edges to the end."""

from __future__ import annotations

import itertools

from hypothesis import given
from support.maps import MIB, Recipe, recipes

from lkboard.model.extents import Extent, ExtentMap, Inline, Zeros
from lkboard.targets.chunks import ALIGNMENT, CHUNK_SIZE, EDGE_SIZE, Chunk, plan_chunks, total


def _map(*extents: tuple[int, int], size: int) -> ExtentMap:
    return ExtentMap(tuple(Extent(offset, Zeros(length)) for offset, length in extents), size)


@given(recipe=recipes())
def test_chunks_cover_the_map_and_stay_in_the_image(recipe: Recipe) -> None:
    plan = plan_chunks(_map(*((piece.offset, piece.size) for piece in recipe.pieces), size=recipe.size))
    chunks = sorted((*plan.body, *plan.edges), key=lambda chunk: chunk.offset)
    for piece in recipe.pieces:
        inside = [chunk for chunk in chunks if chunk.offset < piece.offset + piece.size]
        covered = sum(
            min(chunk.offset + chunk.size, piece.offset + piece.size) - max(chunk.offset, piece.offset)
            for chunk in inside
            if chunk.offset + chunk.size > piece.offset
        )
        assert covered == piece.size
    assert all(chunk.offset + chunk.size <= recipe.size for chunk in chunks)


@given(recipe=recipes())
def test_chunks_are_aligned_and_do_not_overlap(recipe: Recipe) -> None:
    plan = plan_chunks(_map(*((piece.offset, piece.size) for piece in recipe.pieces), size=recipe.size))
    chunks = sorted((*plan.body, *plan.edges), key=lambda chunk: chunk.offset)
    assert all(before.offset + before.size <= after.offset for before, after in itertools.pairwise(chunks))
    for chunk in chunks:
        assert chunk.offset % ALIGNMENT == 0
        assert 0 < chunk.size <= CHUNK_SIZE
        assert chunk.size % ALIGNMENT == 0 or chunk.offset + chunk.size == recipe.size


@given(recipe=recipes())
def test_the_body_stays_off_the_edges(recipe: Recipe) -> None:
    plan = plan_chunks(_map(*((piece.offset, piece.size) for piece in recipe.pieces), size=recipe.size))
    for chunk in plan.body:
        assert chunk.offset >= EDGE_SIZE
        assert chunk.offset + chunk.size <= recipe.size - EDGE_SIZE + ALIGNMENT
    starts = [chunk.offset for chunk in plan.edges]
    assert all(start < EDGE_SIZE or start >= recipe.size - EDGE_SIZE - ALIGNMENT for start in starts)


def test_the_head_comes_last() -> None:
    plan = plan_chunks(_map((0, 8 * MIB), size=8 * MIB))
    assert plan.edges == (Chunk(7 * MIB, MIB), Chunk(0, MIB))
    assert total(plan.body) == 6 * MIB


def test_holes_are_left_out() -> None:
    plan = plan_chunks(_map((2 * MIB, 4096), (5 * MIB, 4096), size=8 * MIB))
    assert plan.body == (Chunk(2 * MIB, 4096), Chunk(5 * MIB, 4096))


def test_small_gaps_are_written_through() -> None:
    plan = plan_chunks(_map((2 * MIB, 4096), (2 * MIB + 8192, 4096), size=8 * MIB))
    assert plan.body == (Chunk(2 * MIB, 12288),)


def test_a_tiny_image_is_all_edge() -> None:
    plan = plan_chunks(_map((0, 1000), size=1000))
    assert (plan.body, plan.edges) == ((), (Chunk(0, 1000),))


def test_an_empty_map() -> None:
    assert plan_chunks(_map(size=MIB)) == plan_chunks(ExtentMap((Extent(0, Inline(b"")),), MIB))
