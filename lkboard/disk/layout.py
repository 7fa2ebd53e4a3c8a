"""Solve a board's layout rule for given files: what goes where on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import fat, gpt, ids
from lkboard.model.disk import SECTOR_SIZE, DiskLayout, Partition
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkboard.model.board import LayoutRule, PartitionRule
    from lkboard.model.disk import BootFile, RawBlob
    from lkboard.model.extents import ExtentMap

_MIB_SECTORS = fat.MIB // SECTOR_SIZE
_LABEL_LENGTH = 11


def solve(
    rule: LayoutRule,
    files: Sequence[BootFile],
    *,
    raw: Sequence[RawBlob] = (),
    epoch: int = EPOCH,
    on_chunk: Callable[[], None] = lambda: None,
) -> DiskLayout:
    """Return the disk of a board whose first partition holds ``files``; further ones are empty file systems.

    Partitions start where the rule says, or at the next MiB when the one before is larger than expected. All ids are
    made from the files, which are read for that: ``on_chunk`` is called at least for every MiB. Raises `TooSmall`,
    `BuildError`, and what ``on_chunk`` raises.
    """
    seed = ids.seed(files, on_chunk)
    is_gpt = rule.table == "gpt"
    partitions: list[Partition] = []
    end = 0
    for number, partition_rule in enumerate(rule.partitions, start=1):
        start_sector = max(partition_rule.start_bytes // SECTOR_SIZE, end)
        content = _file_system(partition_rule, () if partitions else files, seed, start_sector, epoch)
        partition = Partition(
            number=number,
            start_sector=start_sector,
            size_sectors=content.size // SECTOR_SIZE,
            type=partition_rule.type,
            name=partition_rule.name,
            content=content,
            is_active=partition_rule.is_active,
            unique_id=ids.guid(seed, f"partition {number}") if is_gpt else "",
        )
        partitions.append(partition)
        end = _round_up(start_sector + partition.size_sectors)
    return DiskLayout(
        table=rule.table,
        disk_id=ids.guid(seed, "disk") if is_gpt else f"{ids.number(seed, 'disk'):08x}",
        total_sectors=_round_up(end + gpt.TAIL_SECTORS) if is_gpt else end,
        partitions=tuple(partitions),
        raw=tuple(raw),
    )


def _file_system(
    rule: PartitionRule, files: Sequence[BootFile], seed: bytes, start_sector: int, epoch: int
) -> ExtentMap:
    return fat.plan(
        files,
        size_bytes=rule.size_bytes,
        slack_percent=rule.slack_percent,
        slack_bytes=rule.slack_bytes,
        label=rule.name[:_LABEL_LENGTH].rstrip(),
        volume_id=ids.number(seed, f"volume at {start_sector}"),
        hidden_sectors=start_sector,
        epoch=epoch,
    )


def _round_up(sectors: int) -> int:
    return -(-sectors // _MIB_SECTORS) * _MIB_SECTORS
