from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layouts import BASIC_DATA, CARD, EFI_DISK, ESP, MIB
from support.plans import boot_files

from lkboard.disk import image
from lkboard.disk.layout import solve
from lkboard.errors import TooSmall
from lkboard.model.board import LayoutRule, PartitionRule
from lkboard.model.disk import BootFile, RawBlob
from lkboard.model.extents import Content, Inline, Zeros

KERNEL = b"K" * 5000
FILES = boot_files({"kernel": KERNEL, "initrd.img": b"I" * 5000})

RULES = st.builds(
    LayoutRule,
    st.sampled_from(["mbr", "gpt"]),
    st.lists(
        st.builds(
            PartitionRule,
            st.sampled_from(["boot", "data"]),
            st.just("0c"),
            st.just("fat32"),
            st.integers(1, 200).map(lambda mib: mib * MIB),
            st.sampled_from([0, 33 * MIB, 64 * MIB]),
            st.integers(0, 10),
            st.integers(0, 100 * MIB),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
)


def with_rule(rule: LayoutRule, **changes: object) -> LayoutRule:
    return replace(rule, partitions=(replace(rule.partitions[0], **changes),))  # type: ignore[arg-type]


def test_a_card_is_one_active_partition_and_no_more() -> None:
    layout = solve(CARD, FILES)
    (boot,) = layout.partitions
    assert (boot.number, boot.start_sector, boot.size_sectors) == (1, 2048, 33 * 2048)
    assert (boot.type, boot.name, boot.is_active, boot.unique_id) == ("0c", "boot", True, "")
    assert (layout.table, layout.total_sectors) == ("mbr", 34 * 2048)


def test_an_efi_disk_has_room_for_the_backup_table() -> None:
    layout = solve(EFI_DISK, FILES)
    assert layout.total_sectors == (1 + 33 + 1) * 2048
    assert layout.partitions[0].type == ESP


def test_ids_are_made_from_the_files() -> None:
    one, same = solve(EFI_DISK, FILES), solve(EFI_DISK, FILES)
    other = solve(EFI_DISK, boot_files({"kernel": b"k"}))
    assert (one.disk_id, one.partitions[0].unique_id) == (same.disk_id, same.partitions[0].unique_id)
    assert len({one.disk_id, other.disk_id, one.partitions[0].unique_id, other.partitions[0].unique_id}) == 4


def test_an_mbr_disk_has_an_id_of_eight_digits() -> None:
    assert len(solve(CARD, FILES).disk_id) == 8
    assert int(solve(CARD, FILES).disk_id, 16)


def test_the_partition_grows_with_its_content() -> None:
    large = [BootFile("initrd.img", Content((Zeros(200 * MIB),)))]
    (boot,) = solve(CARD, large).partitions
    assert 200 * MIB < boot.size_sectors * 512 < 206 * MIB


def test_slack_is_added() -> None:
    rule = with_rule(CARD, slack_bytes=100 * MIB, slack_percent=0)
    assert solve(rule, FILES).partitions[0].size_sectors * 512 >= 100 * MIB


def test_a_fixed_size_is_kept() -> None:
    assert solve(with_rule(CARD, size_bytes=128 * MIB), FILES).partitions[0].size_sectors == 128 * 2048


def test_a_fixed_size_may_be_too_small() -> None:
    with pytest.raises(TooSmall, match="needs 71 MiB"):
        solve(with_rule(CARD, size_bytes=64 * MIB), [BootFile("k", Content((Zeros(70 * MIB),)))])


def test_the_file_system_knows_where_its_partition_starts() -> None:
    boot = solve(with_rule(CARD, start_bytes=4 * MIB), FILES).partitions[0]
    sector = boot.content.extents[0].source
    assert sector.data[28:32] == (4 * 2048).to_bytes(4, "little")  # type: ignore[union-attr]


def test_files_go_to_the_first_partition() -> None:
    rule = LayoutRule(
        "gpt",
        (
            PartitionRule("EFI System", ESP, "fat32", MIB),
            PartitionRule("data", BASIC_DATA, "fat32", 2 * MIB, size_bytes=40 * MIB),
        ),
    )
    first, second = solve(rule, FILES).partitions
    assert second.start_sector == first.start_sector + first.size_sectors
    kernel = Inline(KERNEL)
    assert kernel in [extent.source for extent in first.content.extents]
    assert kernel not in [extent.source for extent in second.content.extents]


def test_raw_blobs_are_passed_on() -> None:
    blob = RawBlob(8192, Content.of(b"loader"))
    assert solve(CARD, FILES, raw=[blob]).raw == (blob,)


@settings(max_examples=30)
@given(RULES)
def test_partitions_never_overlap_and_lie_on_the_disk(rule: LayoutRule) -> None:
    layout = solve(
        replace(rule, partitions=tuple(replace(part, type=ESP) for part in rule.partitions))
        if rule.table == "gpt"
        else rule,
        FILES,
    )
    for before, after in itertools.pairwise(layout.partitions):
        assert before.start_sector + before.size_sectors <= after.start_sector
    for partition, wanted in zip(layout.partitions, rule.partitions, strict=True):
        assert partition.start_sector * 512 >= wanted.start_bytes
        assert partition.start_sector % 2048 == 0
        assert partition.content.size == partition.size_sectors * 512
    assert image.plan(layout).size == layout.total_sectors * 512
