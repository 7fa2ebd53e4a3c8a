"""QEMU's copy-on-write disks, version 3, with clusters only where there is data.

Source: QEMU, docs/interop/qcow2.txt. The file is, in this order: header, refcount table, refcount blocks, L1 table, L2
tables, data. Nothing but the data is larger than a few clusters, and data keeps its order, so a reader of the file
reads the disk from its beginning to its end.
"""

from __future__ import annotations

import itertools
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.disk.blocks import data_extents, used_blocks
from lkboard.model.disk import SECTOR_SIZE
from lkboard.model.extents import Extent, ExtentMap, Inline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
"""Bytes of a cluster, of a refcount block and of an L2 table; 64 KiB is what QEMU itself takes."""

MAGIC = b"QFI\xfb"
_HEADER = ">4sIQIIQIIQQIIQQQQII"
"""Magic, version, backing file (offset, size), cluster bits, size, encryption, L1 entries, L1 offset, refcount table
(offset, clusters), snapshots (number, offset), features (incompatible, compatible, automatic), refcount order, header
length."""
_VERSION = 3
_REFCOUNT_ORDER = 4
"""Refcounts have 2^4 bits."""
_REFCOUNTS_PER_BLOCK = CLUSTER * 8 >> _REFCOUNT_ORDER
_ENTRIES_PER_TABLE = CLUSTER // 8
_COPIED = 1 << 63
"""The refcount of what an entry points at is exactly one."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many clusters each part of the file has, and which clusters of the disk hold data."""

    disk_size: int
    runs: tuple[range, ...]
    tables: tuple[int, ...]
    l1_clusters: int
    refcount_blocks: int

    @property
    def table_clusters(self) -> int:
        """Clusters of the refcount table."""
        return _clusters(8 * self.refcount_blocks)

    @property
    def l1_start(self) -> int:
        """First cluster of the L1 table."""
        return 1 + self.table_clusters + self.refcount_blocks

    @property
    def l2_start(self) -> int:
        """First cluster of the L2 tables."""
        return self.l1_start + self.l1_clusters

    @property
    def data_start(self) -> int:
        """First cluster of the data."""
        return self.l2_start + len(self.tables)

    @property
    def end(self) -> int:
        """Clusters of the whole file."""
        return self.data_start + sum(map(len, self.runs))


def plan(extents: ExtentMap) -> ExtentMap:
    """Return the qcow2 file of a disk. Its size is rounded up to whole sectors, as qcow2 cannot tell others."""
    data = data_extents(extents)
    file = _solve(-(-extents.size // SECTOR_SIZE) * SECTOR_SIZE, used_blocks(data, CLUSTER))
    return ExtentMap((*_metadata(file), *_moved(data, file)), file.end * CLUSTER)


def _solve(disk_size: int, runs: tuple[range, ...]) -> _Plan:
    """Lay the file out: the refcounts count their own clusters as well, so their number is found step by step."""
    l1_clusters = max(_clusters(8 * _l1_entries(disk_size)), 1)
    # 8192 clusters share an L2 table; a table that would be empty is not there
    tables = {
        table
        for run in runs
        for table in range(run.start // _ENTRIES_PER_TABLE, (run.stop - 1) // _ENTRIES_PER_TABLE + 1)
    }
    for refcount_blocks in itertools.count(1):
        file = _Plan(disk_size, runs, tuple(sorted(tables)), l1_clusters, refcount_blocks)
        if file.end <= refcount_blocks * _REFCOUNTS_PER_BLOCK:
            return file
    raise AssertionError


def _metadata(file: _Plan) -> Iterator[Extent]:
    refcount_table = (cluster << CLUSTER_BITS for cluster in range(1 + file.table_clusters, file.l1_start))
    refcounts = array("H", [1]) * file.end
    first_table = dict(zip(file.tables, itertools.count(file.l2_start), strict=False))
    l1 = (first_table[index] << CLUSTER_BITS | _COPIED if index in first_table else 0 for index in _l1_indexes(file))
    yield Extent(0, Inline(_header(file)))
    yield Extent(CLUSTER, Inline(_table(refcount_table)))
    yield Extent((1 + file.table_clusters) * CLUSTER, Inline(_big_endian(refcounts)))
    if file.disk_size:
        yield Extent(file.l1_start * CLUSTER, Inline(_table(l1)))
    if file.tables:
        yield Extent(file.l2_start * CLUSTER, Inline(_l2_tables(file)))


def _header(file: _Plan) -> bytes:
    return struct.pack(
        _HEADER,
        *(MAGIC, _VERSION, 0, 0, CLUSTER_BITS, file.disk_size, 0),
        *(_l1_entries(file.disk_size), file.l1_start * CLUSTER, CLUSTER, file.table_clusters),
        *(0, 0, 0, 0, 0, _REFCOUNT_ORDER, struct.calcsize(_HEADER)),
    )


def _l2_tables(file: _Plan) -> bytes:
    """Return all L2 tables, one behind the other."""
    position = {table: index * _ENTRIES_PER_TABLE for index, table in enumerate(file.tables)}
    entries = array("Q", bytes(8 * len(file.tables) * _ENTRIES_PER_TABLE))
    clusters = itertools.chain.from_iterable(file.runs)
    for place, cluster in enumerate(clusters, start=file.data_start):
        table, index = divmod(cluster, _ENTRIES_PER_TABLE)
        entries[position[table] + index] = place << CLUSTER_BITS | _COPIED
    return _big_endian(entries)


def _moved(data: Sequence[Extent], file: _Plan) -> Iterator[Extent]:
    """Yield the data at its place in the file. A run of clusters stays together, so no extent is ever cut."""
    runs = iter(file.runs)
    run, start = range(0), file.data_start
    for extent in data:
        while extent.offset >= run.stop * CLUSTER:
            start += len(run)
            run = next(runs)
        yield Extent(extent.offset + (start - run.start) * CLUSTER, extent.source)


def _l1_entries(disk_size: int) -> int:
    return -(-disk_size // (CLUSTER * _ENTRIES_PER_TABLE))


def _l1_indexes(file: _Plan) -> range:
    return range(_l1_entries(file.disk_size))


def _clusters(size: int) -> int:
    return -(-size // CLUSTER)


def _table(entries: Iterable[int]) -> bytes:
    return _big_endian(array("Q", entries))


def _big_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()
