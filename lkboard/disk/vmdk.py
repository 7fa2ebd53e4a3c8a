"""Compressed disks for VMware and VirtualBox: monolithic files of the type streamOptimized.

Source: VMware, Virtual Disk Format 5.0, sections "Hosted Sparse Extents" and "Stream-Optimized Compressed Sparse
Extents". All numbers are little-endian. Such a file is written from its beginning to its end: header and descriptor;
compressed grains, behind those of each grain table the table; the directory of the tables; a footer.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lkboard.disk import ids
from lkboard.disk.blocks import data_extents, used_blocks
from lkboard.disk.compress import zlib_stream
from lkboard.disk.window import MapReader
from lkboard.model.disk import SECTOR_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.extents import ExtentMap

GRAIN = 64 << 10
"""Bytes that are compressed together."""

GRAINS_PER_TABLE = 512

_HEADER = "<4sIIQQQQIQQQBccccH433x"
"""Magic, version, flags, capacity, grain size, descriptor (offset, size), entries of a grain table, directories
(redundant, primary), sectors of the metadata, clean, four characters that broken transfers change, compression."""
_VERSION = 3
_FLAGS = 1 | 1 << 16 | 1 << 17
"""The four characters are there; grains are compressed; there are markers."""
_DEFLATE = 1
_DIRECTORY_AT_END = (1 << 64) - 1
_MARKER = "<QII496x"
"""Sectors of what follows, 0, type."""
_GRAIN_MARKER = "<QI"
"""Sector of the disk, bytes of compressed data, which follow at once."""
_END, _TABLE, _DIRECTORY, _FOOTER = range(4)
_GRAIN_SECTORS = GRAIN // SECTOR_SIZE
_DESCRIPTOR_SECTORS = 20
_METADATA_SECTORS = 128
_HEADS, _SECTORS_PER_TRACK = 255, 63
_DESCRIPTOR = """\
# Disk DescriptorFile
version=1
CID={cid:08x}
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RW {sectors} SPARSE "disk.vmdk"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "6"
ddb.geometry.cylinders = "{cylinders}"
ddb.geometry.heads = "{heads}"
ddb.geometry.sectors = "{per_track}"
ddb.adapterType = "lsilogic"
"""


def chunks(extents: ExtentMap, seed: bytes) -> Iterator[bytes]:
    """Yield the file that holds a disk, which is rounded up to whole sectors, piece by piece.

    ``seed`` stands for the content (`ids.map_seed`). Raises `BuildError` when a source cannot be read.
    """
    capacity = -(-extents.size // SECTOR_SIZE)
    head = _header(capacity, _DIRECTORY_AT_END) + _padded(_descriptor(capacity, seed), _DESCRIPTOR_SECTORS)
    yield _padded(head, _METADATA_SECTORS)
    directory = [0] * -(-capacity // (_GRAIN_SECTORS * GRAINS_PER_TABLE))
    position = _METADATA_SECTORS
    for number, grains in _tables(extents):
        table = [0] * GRAINS_PER_TABLE
        for grain, piece in grains:
            table[grain % GRAINS_PER_TABLE] = position
            yield piece
            position += len(piece) // SECTOR_SIZE
        directory[number] = position + 1
        piece = _marked(_TABLE, struct.pack(f"<{GRAINS_PER_TABLE}I", *table))
        yield piece
        position += len(piece) // SECTOR_SIZE
    yield _marked(_DIRECTORY, struct.pack(f"<{len(directory)}I", *directory))
    yield _marked(_FOOTER, _header(capacity, position + 1)) + _marked(_END, b"")


def _tables(extents: ExtentMap) -> Iterator[tuple[int, Iterator[tuple[int, bytes]]]]:
    """Yield the numbers of the needed grain tables, each with its grains, which are compressed when asked for."""
    per_table = GRAIN * GRAINS_PER_TABLE
    data = data_extents(extents)
    grains = used_blocks(data, GRAIN)
    with MapReader(extents) as reader:
        for run in used_blocks(data, per_table):
            for number in run:
                whole = range(number * GRAINS_PER_TABLE, (number + 1) * GRAINS_PER_TABLE)
                wanted = (grain for part in grains for grain in _common(part, whole))
                yield number, ((grain, _grain(reader, grain, extents.size)) for grain in wanted)


def _common(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))


def _grain(reader: MapReader, grain: int, disk_size: int) -> bytes:
    """Return a grain in whole sectors. The last one may reach behind the disk and is full nevertheless."""
    offset = grain * GRAIN
    data = zlib_stream(reader.read(offset, min(GRAIN, disk_size - offset)).ljust(GRAIN, b"\0"))
    return _padded(struct.pack(_GRAIN_MARKER, grain * _GRAIN_SECTORS, len(data)) + data)


def _header(capacity: int, directory: int) -> bytes:
    return struct.pack(
        _HEADER,
        *(b"KDMV", _VERSION, _FLAGS, capacity, _GRAIN_SECTORS, 1, _DESCRIPTOR_SECTORS, GRAINS_PER_TABLE),
        *(0, directory, _METADATA_SECTORS, 0, b"\n", b" ", b"\r", b"\n", _DEFLATE),
    )


def _descriptor(capacity: int, seed: bytes) -> bytes:
    text = _DESCRIPTOR.format(
        cid=ids.number(seed, "vmdk"),
        sectors=capacity,
        cylinders=max(capacity // (_HEADS * _SECTORS_PER_TRACK), 1),
        heads=_HEADS,
        per_track=_SECTORS_PER_TRACK,
    )
    return text.encode("ascii")


def _marked(kind: int, data: bytes) -> bytes:
    """Return a marker and what it announces, in whole sectors."""
    data = _padded(data)
    return struct.pack(_MARKER, len(data) // SECTOR_SIZE, 0, kind) + data


def _padded(data: bytes, sectors: int = 0) -> bytes:
    """Return data filled up with zeros to a number of sectors, or to whole ones."""
    return data.ljust((sectors or -(-len(data) // SECTOR_SIZE)) * SECTOR_SIZE, b"\0")
