"""FAT32 file systems, planned as a whole: every folder and file is one contiguous run of clusters.

Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification, version 1.03 ("fatgen103").
Everything a reader may look at (both tables to their end, whole folders) is written out, never left to a hole: a card
keeps what was on it wherever nothing is written.
"""

from __future__ import annotations

import datetime as dt
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.disk import fat_geometry, fat_names
from lkboard.disk.fat_geometry import FAT_COUNT, ROOT_CLUSTER, Geometry
from lkboard.errors import BuildError, TooSmall
from lkboard.model.disk import SECTOR_SIZE
from lkboard.model.extents import Content, Extent, ExtentMap, Inline, place
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkboard.model.disk import BootFile

MIB = 1 << 20
_FSINFO_SECTOR, _BACKUP_SECTOR = 1, 6
_MEDIA = 0xF8
_END_OF_CHAIN = 0x0FFF_FFFF
_UNKNOWN = 0xFFFF_FFFF
_FILE_SIZE_MAX = (1 << 32) - 1
_FOLDER_SIZE_MAX = 65_536 * fat_names.ENTRY_SIZE
_SECTORS_LIMIT = 1 << 32
_ATTRIBUTE_LABEL, _ATTRIBUTE_FOLDER, _ATTRIBUTE_FILE = 0x08, 0x10, 0x20
# int 18h (try the next boot device), then stay
_BOOT_CODE = b"\xcd\x18\xeb\xfe"
_SIGNATURE = b"\x55\xaa"


@dataclass(frozen=True, slots=True)
class _Item:
    """A file or, when ``content`` is None, a folder, under the name it was first given."""

    path: str
    name: str
    content: Content | None

    @property
    def size(self) -> int:
        """What the size field of its entry says: bytes of a file, 0 for folders."""
        return self.content.size if self.content else 0


_Folders = dict[str, dict[str, _Item]]
"""Items by folded name, in the order given, by path of their folder; the root ("") first, parents before children."""

_Runs = dict[str, range]
"""Clusters by path, without gaps between them, in the order of the disk."""


def plan(
    files: Sequence[BootFile],
    *,
    size_bytes: int = 0,
    slack_percent: int = 0,
    slack_bytes: int = 0,
    label: str = "",
    volume_id: int = 0,
    hidden_sectors: int = 0,
    epoch: int = EPOCH,
) -> ExtentMap:
    """Return a FAT32 file system with ``files`` and the folders they need.

    ``size_bytes`` is the size of the whole; 0 takes what the content needs and the slack on top of it, in whole MiB.
    ``hidden_sectors`` is where the partition starts on its disk, ``epoch`` the time of all entries. Raises `TooSmall`,
    and `BuildError` for names, sizes and trees that FAT cannot hold.
    """
    label_field = fat_names.label_field(label or "NO NAME")
    folders = _folders(files)
    geometry = _given(folders, size_bytes) if size_bytes else _fit(folders, slack_percent, slack_bytes)
    runs = _allocate(folders, geometry)
    boot = _boot_sector(geometry, label_field, volume_id, hidden_sectors)
    table = _table(runs, geometry)
    head = Inline(_reserved(boot, geometry, runs)), Inline(table), Inline(table)
    stamp = _timestamp(epoch)
    label_entry = _entry(label_field, _ATTRIBUTE_LABEL, stamp) if label else b""
    return ExtentMap(
        (
            *place(Content(head), 0),
            *_folder_extents(folders, geometry, runs, stamp, label_entry),
            *_file_extents(folders, geometry, runs),
        ),
        geometry.total_sectors * SECTOR_SIZE,
    )


def _folders(files: Sequence[BootFile]) -> _Folders:
    """Return the tree that the paths of files make. Raises `BuildError`."""
    folders: _Folders = {"": {}}
    for file in files:
        *parents, name = file.path.split("/")
        folder = ""
        for parent in parents:
            folder = _add(folders, folder, parent, None, file.path).path
            folders.setdefault(folder, {})
        if file.content.size > _FILE_SIZE_MAX:
            raise BuildError(f"'{file.path}' is too large: a file on a FAT file system has at most 4 GiB - 1 byte")
        _add(folders, folder, name, file.content, file.path)
    return folders


def _add(folders: _Folders, folder: str, name: str, content: Content | None, whole_path: str) -> _Item:
    """Put an item into a folder, or return the folder that is already there under this name, in any case."""
    fat_names.check(name, whole_path)
    item = _Item(f"{folder}/{name}", name, content)
    present = folders[folder].setdefault(fat_names.fold(name), item)
    if present is not item and not present.content is content is None:
        raise BuildError(
            f"'{whole_path}' and '{present.path[1:]}' are the same name on a FAT file system",
            hint="rename or remove one of them",
        )
    return present


def _sizes(folders: _Folders) -> Iterator[tuple[str, int]]:
    """Yield path and bytes of all that takes clusters, in the order of the disk: folders first, then files."""
    for path, items in folders.items():
        # the root has a label, the others "." and ".."
        slots = (2 if path else 1) + sum(fat_names.slots(item.name) for item in items.values())
        size = slots * fat_names.ENTRY_SIZE
        if size > _FOLDER_SIZE_MAX:
            raise BuildError(f"'{path[1:]}' has too many files for a folder of a FAT file system")
        yield path, size
    for items in folders.values():
        yield from ((item.path, item.size) for item in items.values() if item.content is not None)


def _given(folders: _Folders, size_bytes: int) -> Geometry:
    """Return the geometry of a given size. Raises `TooSmall`."""
    geometry = _choose(size_bytes // SECTOR_SIZE)
    if geometry and sum(geometry.clusters_for(size) for _, size in _sizes(folders)) <= geometry.clusters:
        return geometry
    needed = _fit(folders, 0, 0).total_sectors * SECTOR_SIZE
    raise TooSmall(
        f"the boot file system needs {needed // MIB} MiB for these files, it is given {size_bytes / MIB:g} MiB",
        needed=needed,
        given=size_bytes,
        hint=f"give it at least {needed // MIB} MiB",
    )


def _fit(folders: _Folders, slack_percent: int, slack_bytes: int) -> Geometry:
    """Return the smallest geometry of whole MiB that holds the content and the slack."""
    total_bytes = MIB
    while True:
        geometry = _choose(total_bytes // SECTOR_SIZE)
        if geometry is None:
            total_bytes += MIB
            continue
        used = sum(geometry.clusters_for(size) for _, size in _sizes(folders)) * geometry.cluster_size
        missing = used + used * slack_percent // 100 + slack_bytes - geometry.clusters * geometry.cluster_size
        if missing <= 0:
            return geometry
        total_bytes += -(-missing // MIB) * MIB


def _choose(total_sectors: int) -> Geometry | None:
    if total_sectors >= _SECTORS_LIMIT:
        raise BuildError("a FAT file system has less than 2 TiB", hint="make the partition smaller")
    return fat_geometry.choose(total_sectors)


def _allocate(folders: _Folders, geometry: Geometry) -> _Runs:
    runs: _Runs = {}
    cluster = ROOT_CLUSTER
    for path, size in _sizes(folders):
        count = geometry.clusters_for(size)
        runs[path] = range(cluster, cluster + count)
        cluster += count
    return runs


def _table(runs: _Runs, geometry: Geometry) -> bytes:
    """Return one file allocation table: each cluster of a run names the next, the last ends the chain."""
    entries = array("I", (_END_OF_CHAIN & ~0xFF | _MEDIA, _END_OF_CHAIN))
    for run in runs.values():
        if run:
            entries.extend(range(run.start + 1, run.stop))
            entries.append(_END_OF_CHAIN)
    if sys.byteorder == "big":
        entries.byteswap()
    return entries.tobytes().ljust(geometry.fat_sectors * SECTOR_SIZE, b"\0")


def _boot_sector(geometry: Geometry, label_field: bytes, volume_id: int, hidden_sectors: int) -> bytes:
    """Return the boot sector (fatgen103, "Boot Sector and BPB").

    mtools wants the old geometry fields; 64 heads of 32 sectors make a cylinder of 1 MiB, which divides our sizes.
    """
    return struct.pack(
        "<3s8sHBHBHHBHHHII IHHIHH12x BxBI11s8s 420s2s",
        *(b"\xeb\x58\x90", b"MSWIN4.1", SECTOR_SIZE, geometry.cluster_sectors, geometry.reserved_sectors),
        *(FAT_COUNT, 0, 0, _MEDIA, 0, 32, 64, hidden_sectors, geometry.total_sectors),
        *(geometry.fat_sectors, 0, 0, ROOT_CLUSTER, _FSINFO_SECTOR, _BACKUP_SECTOR),
        *(0x80, 0x29, volume_id, label_field, b"FAT32   ", _BOOT_CODE, _SIGNATURE),
    )


def _reserved(boot: bytes, geometry: Geometry, runs: _Runs) -> bytes:
    """Return everything before the first table: boot sector and counts of free clusters, twice."""
    next_free = max(run.stop for run in runs.values())
    free = geometry.clusters - (next_free - ROOT_CLUSTER)
    info = struct.pack("<4s480x4sII14x2s", b"RRaA", b"rrAa", free, next_free if free else _UNKNOWN, _SIGNATURE)
    head = (boot + info).ljust(_BACKUP_SECTOR * SECTOR_SIZE, b"\0")
    return (head + boot + info).ljust(geometry.reserved_sectors * SECTOR_SIZE, b"\0")


def _folder_extents(
    folders: _Folders, geometry: Geometry, runs: _Runs, stamp: tuple[int, int], label_entry: bytes
) -> Iterator[Extent]:
    for path, items in folders.items():
        data = _dots(path, runs, stamp) if path else label_entry
        short_names = fat_names.aliases([item.name for item in items.values()])
        for item, alias in zip(items.values(), short_names, strict=True):
            attribute = _ATTRIBUTE_FOLDER if item.content is None else _ATTRIBUTE_FILE
            data += fat_names.long_entries(item.name, alias)
            data += _entry(alias, attribute, stamp, runs[item.path], item.size)
        run = runs[path]
        yield Extent(geometry.offset(run.start), Inline(data.ljust(len(run) * geometry.cluster_size, b"\0")))


def _dots(path: str, runs: _Runs, stamp: tuple[int, int]) -> bytes:
    """Return the entries of a folder for itself and its parent, which is cluster 0 when it is the root."""
    parent = path.rpartition("/")[0]
    above = runs[parent] if parent else range(0)
    return _entry(b".".ljust(11), _ATTRIBUTE_FOLDER, stamp, runs[path]) + _entry(
        b"..".ljust(11), _ATTRIBUTE_FOLDER, stamp, above
    )


def _entry(alias: bytes, attribute: int, stamp: tuple[int, int], run: range = range(0), size: int = 0) -> bytes:
    """Return a directory entry (fatgen103, "FAT 32 Byte Directory Entry Structure")."""
    date, time = stamp
    high, low = divmod(run.start if run else 0, 1 << 16)
    return struct.pack("<11sBxxHHHHHHHI", alias, attribute, time, date, date, high, time, date, low, size)


def _file_extents(folders: _Folders, geometry: Geometry, runs: _Runs) -> Iterator[Extent]:
    """Yield the files, each filled up to a whole sector."""
    for items in folders.values():
        for item in items.values():
            if item.content is not None:
                padding = Content.of(bytes(-item.size % SECTOR_SIZE))
                yield from place(item.content + padding, geometry.offset(runs[item.path].start))


def _timestamp(epoch: int) -> tuple[int, int]:
    """Return date and time as FAT has them (UTC): years from 1980, two-second steps."""
    moment = dt.datetime.fromtimestamp(epoch, dt.UTC)
    date = max(moment.year - 1980, 0) << 9 | moment.month << 5 | moment.day
    return date, moment.hour << 11 | moment.minute << 5 | moment.second // 2
