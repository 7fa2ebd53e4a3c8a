from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.disk import fat_geometry

MIB_SECTORS = 2048
TOTALS = st.integers(1, 1 << 32).filter(lambda total: fat_geometry.choose(total) is not None)


@given(TOTALS)
def test_parts_fit_into_the_volume(total: int) -> None:
    geometry = fat_geometry.choose(total)
    assert geometry is not None
    end = geometry.data_sector + geometry.clusters * geometry.cluster_sectors
    assert geometry.total_sectors == total
    assert total - geometry.cluster_sectors < end <= total


@given(TOTALS)
def test_the_table_has_an_entry_for_every_cluster(total: int) -> None:
    geometry = fat_geometry.choose(total)
    assert geometry is not None
    entries = geometry.fat_sectors * 128
    assert entries >= geometry.clusters + 2


def test_the_table_has_an_entry_for_every_cluster_at_each_step_of_its_size() -> None:
    for total in range(33 * MIB_SECTORS, 34 * MIB_SECTORS):
        geometry = fat_geometry.choose(total)
        assert geometry is not None
        assert geometry.fat_sectors * 128 >= geometry.clusters + 2


@given(TOTALS)
def test_the_table_is_not_larger_than_it_must_be(total: int) -> None:
    geometry = fat_geometry.choose(total)
    assert geometry is not None
    # alignment may cost a few sectors of data, so the last sector of the table may be in use only just
    assert geometry.fat_sectors * 128 < geometry.clusters + 2 + 2 * 128


@given(TOTALS)
def test_every_reader_takes_it_for_fat32(total: int) -> None:
    geometry = fat_geometry.choose(total)
    assert geometry is not None
    assert 65_525 + 16 <= geometry.clusters < 0x0FFFFFF5


@given(TOTALS)
def test_data_starts_at_a_multiple_of_4_kib(total: int) -> None:
    geometry = fat_geometry.choose(total)
    assert geometry is not None
    assert geometry.data_sector % 8 == 0
    assert geometry.reserved_sectors >= 32


@pytest.mark.parametrize(
    ("mib", "cluster_sectors"),
    [(33, 1), (64, 1), (66, 2), (256, 4), (260, 8), (8191, 8), (8192, 16), (16384, 32), (32768, 64), (2097151, 64)],
)
def test_clusters_are_as_large_as_usual_for_the_size(mib: int, cluster_sectors: int) -> None:
    geometry = fat_geometry.choose(mib * MIB_SECTORS)
    assert geometry is not None
    assert geometry.cluster_sectors == cluster_sectors


@pytest.mark.parametrize("sectors", [1, 32, 32 * MIB_SECTORS, 65_525 + 32 + 2 * 512])
def test_small_volumes_cannot_be_fat32(sectors: int) -> None:
    assert fat_geometry.choose(sectors) is None


def test_offsets_and_counts_of_clusters() -> None:
    geometry = fat_geometry.Geometry(total_sectors=600_000, cluster_sectors=8, reserved_sectors=32, fat_sectors=600)
    assert geometry.offset(2) == (32 + 1200) * 512
    assert geometry.offset(3) - geometry.offset(2) == geometry.cluster_size == 4096
    assert [geometry.clusters_for(size) for size in (0, 1, 4096, 4097)] == [0, 1, 1, 2]
