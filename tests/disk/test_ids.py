from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from support.plans import boot_files

from lkboard.disk import ids
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from pathlib import Path

SEED = ids.seed(boot_files({"kernel": b"K", "loader/x": b"L"}))


@pytest.mark.parametrize(
    "other",
    [
        {"kernel": b"k", "loader/x": b"L"},
        {"kernel2": b"K", "loader/x": b"L"},
        {"loader/x": b"L", "kernel": b"K"},
        {"kernel": b"K"},
        {"kernel": b"K", "loader/x": b"L", "more": b""},
    ],
    ids=["content", "path", "order", "less", "more"],
)
def test_another_tree_has_another_seed(other: dict[str, bytes]) -> None:
    assert ids.seed(boot_files(other)) != SEED


def test_identities_never_change_between_versions() -> None:
    assert SEED.hex() == "f5ed30049b08d06bfa5a19ed54235189ce245a71d418e49fc2d316139c3abfb4"
    assert ids.guid(SEED, "disk") == "FFA9B45B-94B5-5449-9BEB-8AE4B6BDE49A"
    assert ids.number(SEED, "disk") == 0x47A152DA


def test_a_guid_is_a_valid_name_based_one() -> None:
    assert uuid.UUID(ids.guid(SEED, "disk")).version == 5


def test_each_use_gets_its_own_identity() -> None:
    assert len({ids.guid(SEED, name) for name in ("disk", "partition 1", "partition 2")}) == 3
    assert ids.number(SEED, "disk") != ids.number(SEED, "volume")


def test_a_number_has_32_bits() -> None:
    assert all(0 < ids.number(SEED, str(index)) < 1 << 32 for index in range(100))


def test_a_map_is_known_by_bytes_places_and_size() -> None:
    maps = [
        ExtentMap((Extent(0, Inline(b"a")),), 9),
        ExtentMap((Extent(0, Inline(b"b")),), 9),
        ExtentMap((Extent(1, Inline(b"a")),), 9),
        ExtentMap((Extent(0, Inline(b"a")),), 8),
    ]
    assert len({ids.map_seed(found) for found in maps}) == len(maps)


def test_zeros_are_as_good_as_a_hole() -> None:
    assert ids.map_seed(ExtentMap((Extent(0, Zeros(5)),), 9)) == ids.map_seed(ExtentMap((), 9))


def test_a_map_is_not_known_by_where_its_bytes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"xab")
    kept = ExtentMap((Extent(4, FileSpan(str(tmp_path / "file"), 1, 2)),), 9)
    assert ids.map_seed(kept) == ids.map_seed(ExtentMap((Extent(4, Inline(b"ab")),), 9))


def test_whoever_waits_for_the_seed_of_a_map_is_called_for_every_chunk() -> None:
    calls = []
    sources = Inline(b"a" * (3 << 20)), Zeros(5 << 20), Inline(b"b")
    places = 0, 3 << 20, 8 << 20
    extents = ExtentMap(tuple(map(Extent, places, sources)), 9 << 20)
    assert ids.map_seed(extents, lambda: calls.append(1)) == ids.map_seed(extents)
    assert len(calls) == 4


def test_whoever_waits_for_the_seed_of_files_is_called_for_every_mebibyte() -> None:
    calls: list[int] = []
    files = boot_files({"kernel": b"a" * (3 << 20), "loader": b"b"})
    assert ids.seed(files, lambda: calls.append(1)) == ids.seed(files)
    assert len(calls) == 4
