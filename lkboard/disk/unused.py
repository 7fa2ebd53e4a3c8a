"""Which holes of an image need not be written: a device keeps its old bytes there.

A hole reads as zeros, and zeros can matter: to ext4, to a boot loader's environment, to a file that begins with them.
Only the free clusters at the end of FAT file systems are known not to. Source: fatgen103, sections 3 and 4.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lkboard.disk.inspect import partitions
from lkboard.disk.window import MapReader
from lkboard.errors import DiskInvalid
from lkboard.model.extents import Extent, ExtentMap, Zeros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FAT12_CLUSTERS = 4085
_TABLE_LIMIT = 64 << 20
"""Bytes of a FAT that are still read into memory; the free space behind a larger one is written."""


def with_needed_zeros(image: ExtentMap, path: Path) -> ExtentMap:
    """Return the map of the image file ``path`` with its holes as `Zeros`, except where they are free space.

    Raises `BuildError` when the image cannot be read.
    """
    unused = tuple(_unused(image, path))
    holes = tuple(
        Extent(start, Zeros(end - start))
        for hole in _gaps(((extent.offset, extent.end) for extent in image.extents), 0, image.size)
        for start, end in _gaps(unused, *hole)
    )
    return ExtentMap(tuple(sorted((*image.extents, *holes), key=lambda extent: extent.offset)), image.size)


def _gaps(ranges: Iterable[tuple[int, int]], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what of ``start`` to ``end`` none of the sorted ranges covers."""
    for first, last in ranges:
        if last > start and first < end:
            if first > start:
                yield start, first
            start = last
    if start < end:
        yield start, end


def _unused(image: ExtentMap, path: Path) -> Iterator[tuple[int, int]]:
    with MapReader(image) as reader:
        for start, size in _volumes(image, path):
            free = _free_tail(reader, start, size)
            if free is not None:
                yield free


def _volumes(image: ExtentMap, path: Path) -> list[tuple[int, int]]:
    """Return offset and size of the partitions in the order of the disk; the whole image when it has none.

    Those that share bytes with another one (hybrid ISO images) are left out: what is free in one is not in the other.
    """
    try:
        found = [(partition.start_bytes, partition.size_bytes) for partition in partitions(path)]
    except DiskInvalid:
        found = [(0, image.size)]
    return sorted(
        (start, size)
        for start, size in found
        if start + size <= image.size
        and sum(other < start + size and start < other + other_size for other, other_size in found) == 1
    )


def _free_tail(reader: MapReader, start: int, size: int) -> tuple[int, int] | None:
    """Return the range behind the last used cluster of a FAT16 or FAT32 file system, None when there is no such."""
    boot = reader.read(start, 512)
    sector, per_cluster, reserved, fats, root_entries, total_16 = struct.unpack_from("<HBHBHH", boot, 11)
    fat_16, total_32, fat_32 = (*struct.unpack_from("<H", boot, 22), *struct.unpack_from("<II", boot, 32))
    if boot[510:] != b"\x55\xaa" or sector not in {512, 1024, 2048, 4096} or not per_cluster or not fats:
        return None
    fat_size, total = (fat_16 or fat_32) * sector, (total_16 or total_32) * sector
    data = reserved * sector + fats * fat_size + -(-root_entries * 32 // sector) * sector
    cluster = per_cluster * sector
    if not reserved or total > size or data >= total or fat_size > _TABLE_LIMIT:
        return None
    clusters = (total - data) // cluster
    if fat_16 and clusters < _FAT12_CLUSTERS:
        return None
    width, signature = (2, boot[54:57]) if fat_16 else (4, boot[82:85])
    table = reader.read(start + reserved * sector, min(fat_size, (clusters + 2) * width))
    # the first entry repeats the media byte: other file systems have boot sectors that look like this one
    if signature != b"FAT" or table[:1] != boot[21:22]:
        return None
    # a free cluster's entry is zero
    last_used = -(-len(table.rstrip(b"\0")) // width)
    return start + data + (last_used - 2) * cluster, start + total
