"""ISO 9660 volumes with Rock Ridge, planned as a whole: folders first, then files, each in one run of blocks.

Source: ECMA-119, 3rd edition. Folders may be nested deeper than its eight levels, as with ``genisoimage -D``: readers
of Rock Ridge never counted them.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.disk import el_torito
from lkboard.disk.iso_folder import BLOCK_SIZE, folder_area, record
from lkboard.disk.iso_tree import tree_of
from lkboard.disk.rock_ridge import both
from lkboard.model.extents import Extent, ExtentMap, Inline, place
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkboard.disk.el_torito import BootImage
    from lkboard.disk.iso_tree import Tree
    from lkboard.model.disk import BootFile

SYSTEM_AREA = 16 * BLOCK_SIZE
"""Bytes in front of the volume, which belong to boot code and partition tables."""

_PADDING_BLOCKS = 150
"""As many as genisoimage adds: readers fetch whole runs of blocks, and near the end of a medium get zeros for all of
them (GRUB on a CD, with the BIOS of QEMU), or errors (Linux, on CDs written track by track)."""

_FIRST_BLOCK = SYSTEM_AREA // BLOCK_SIZE
_CATALOG_BLOCK = _FIRST_BLOCK + 3
_TERMINATOR = b"\xffCD001\x01"
_DESCRIPTOR = "<B5sBx32s32s8x8s32x4s4s4s8sI4x4s4x34s623s17s17s17s17sB"
"""Type, "CD001", version, names of system and volume, blocks, volumes, number, block size, size and places of the path
tables, root, other names, times of making, change, end and start, version (section 8.4)."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume whose `SYSTEM_AREA` is left free, with some blocks behind it that are not part of it.

    ``boot_block`` is where its boot image starts, 0 without one.
    """

    extents: ExtentMap
    boot_block: int = 0


def file_entries(files: Iterable[BootFile], epoch: int) -> tuple[Entry, ...]:
    """Return files of a boot file system as entries that all may read, as old as ``epoch``."""
    return tuple(
        Entry(file.path, Kind.FILE, 0o444, mtime_ns=epoch * 1_000_000_000, content=file.content) for file in files
    )


def plan(entries: Sequence[Entry], *, label: str, epoch: int, boot: BootImage | None = None) -> Volume:
    """Return a volume with entries, parents before children; folders that nothing describes are made up.

    ``label`` is the volume's name (upper-case letters, digits, ``_``), ``epoch`` the time of what is made up, in Unix
    seconds. Raises `BuildError` for what does not fit on a disc.
    """
    tree = tree_of(entries, epoch)
    table_size = len(_path_table(tree, "<"))
    table_blocks = _blocks(table_size)
    table = _CATALOG_BLOCK + 1 if boot else _FIRST_BLOCK + 2
    end = _place_files(tree, _place_folders(tree, table + 2 * table_blocks))
    tables = table, table + table_blocks
    descriptor = _descriptor(tree, label, epoch, blocks=end, table_size=table_size, tables=tables)
    boot_block = tree.nodes[boot.path].block if boot else 0
    head = [descriptor, _TERMINATOR]
    if boot:
        catalog = el_torito.catalog(boot, boot_block)
        head = [descriptor, el_torito.record(_CATALOG_BLOCK), _TERMINATOR, catalog]
    head += [_path_table(tree, "<"), _path_table(tree, ">")]
    for folder in tree.folders:
        head += folder_area(folder)
    joined = b"".join(piece.ljust(_blocks(len(piece)) * BLOCK_SIZE, b"\0") for piece in head)
    size = (end + _PADDING_BLOCKS) * BLOCK_SIZE
    return Volume(ExtentMap((Extent(SYSTEM_AREA, Inline(joined)), *_contents(tree)), size), boot_block)


def _place_folders(tree: Tree, block: int) -> int:
    """Give every folder its place from ``block`` on and return the block behind the last."""
    for folder in tree.folders:
        area = folder_area(folder)
        folder.node.block, folder.node.size = block, len(area.records)
        block += _blocks(len(area.records) + len(area.more))
    return block


def _place_files(tree: Tree, block: int) -> int:
    """Give every file that has a content its place from ``block`` on and return the block behind the last."""
    for node in tree.nodes.values():
        if not node.is_folder and node.size and not node.block:
            node.block = block
            block += _blocks(node.size)
    return block


def _contents(tree: Tree) -> Iterator[Extent]:
    for path, node in tree.nodes.items():
        if node.size and not node.is_folder and node.entry.path == path:
            yield from place(node.entry.content, node.block * BLOCK_SIZE)


def _descriptor(tree: Tree, label: str, epoch: int, *, blocks: int, table_size: int, tables: tuple[int, int]) -> bytes:
    """Return the primary volume descriptor."""
    made = time.strftime("%Y%m%d%H%M%S00", time.gmtime(epoch)).encode() + b"\0"
    never = b"0" * 16 + b"\0"
    one, block_size = (struct.pack("<H", value) + struct.pack(">H", value) for value in (1, BLOCK_SIZE))
    little, big = tables
    return struct.pack(
        _DESCRIPTOR,
        *(1, b"CD001", 1, b"LINUX".ljust(32), label.encode().ljust(32), both(blocks), one, one, block_size),
        *(both(table_size), little, struct.pack(">I", big), record(tree.nodes[""], b"\0"), b" " * 623),
        *(made, made, never, never, 1),
    )


def _path_table(tree: Tree, order: str) -> bytes:
    """Return the table of all folders, with numbers in the byte order ``<`` or ``>`` (section 9.4)."""
    records = (
        struct.pack(f"{order}BBIH", len(folder.identifier), 0, folder.node.block, folder.number)
        + folder.identifier
        + bytes(len(folder.identifier) % 2)
        for folder in tree.folders
    )
    return b"".join(records)


def _blocks(size: int) -> int:
    return -(-size // BLOCK_SIZE)
