"""erofs volumes without compression, planned as a whole: inodes first, then contents, each in one run of blocks.

Sources: Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h in Linux. Only what the first kernels with erofs
know (5.4) is used, and the first block belongs to the superblock alone, so that its checksum is over known bytes.
"""

from __future__ import annotations

import itertools
import posixpath
import uuid
from typing import TYPE_CHECKING

from lkboard.disk import ids
from lkboard.disk.content import encode, piece_of, read
from lkboard.disk.erofs_folder import folder_content, folder_size
from lkboard.disk.erofs_inode import inode_of
from lkboard.disk.erofs_slots import BLOCK_SIZE, SLOT_SIZE, Slots
from lkboard.disk.erofs_superblock import SUPERBLOCK_AT, superblock
from lkboard.disk.inodes import check_name
from lkboard.disk.tree import nodes_of
from lkboard.errors import BuildError
from lkboard.model.extents import Content, Extent, ExtentMap, Inline, place
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lkboard.disk.erofs_inode import Inode
    from lkboard.disk.tree import Node
    from lkboard.model.rootfs import Entry

_BLOCKS_LIMIT = (1 << 32) - 1
"""The highest number of a block means "no place" in an inode."""


def plan(entries: Sequence[Entry], *, epoch: int, on_chunk: Callable[[], None] = lambda: None) -> ExtentMap:
    """Return a volume with entries, parents before children; folders that nothing describes are made up.

    ``epoch`` is the time of making, and of what is made up, in Unix seconds. The identity stands for all that is on the
    volume: it is read once, and ``on_chunk`` called at least for every MiB. Raises `BuildError` for what does not fit,
    and when a source cannot be read.
    """
    nodes = nodes_of(entries, epoch)
    for entry in entries:
        check_name(entry)
    inodes, first_block = _placed_inodes(dict.fromkeys(nodes.values()))
    end = _place_contents(inodes, first_block)
    body = ExtentMap((*_joined(_metadata(nodes, inodes)), *_contents(nodes, inodes)), end * BLOCK_SIZE)
    head = superblock(
        root=nodes[""].serial,
        inodes=len(inodes),
        blocks=end,
        epoch=epoch,
        identity=uuid.UUID(ids.guid(ids.map_seed(body, on_chunk), "file system")).bytes,
    )
    return ExtentMap((Extent(SUPERBLOCK_AT, Inline(head)), *body.extents), body.size)


def _placed_inodes(nodes: Iterable[Node]) -> tuple[list[Inode], int]:
    """Give every file the number of its inode, the root first; return the inodes, and the block behind the last.

    The number of the root must be one of 16 bits, and none may be 0: programs take such a file for a removed one.
    """
    slots, inodes = Slots(first_block=1), []
    for node in nodes:
        if node.is_folder:
            node.size = folder_size(node)
        elif node.entry.kind is Kind.SYMLINK:
            node.size = len(encode(node.entry.link))
        inode = inode_of(node)
        node.serial = slots.take(inode.size)
        inodes.append(inode)
    return inodes, slots.end


def _place_contents(inodes: Iterable[Inode], block: int) -> int:
    """Give what does not stand behind its inode its place from ``block`` on and return the block behind the last."""
    for inode in inodes:
        if inode.blocks_size:
            inode.node.block = block
            block += -(-inode.blocks_size // BLOCK_SIZE)
    if block > _BLOCKS_LIMIT:
        raise BuildError(f"an erofs has room for 16 TiB, {block >> 18} GiB are needed")
    return block


def _metadata(nodes: Mapping[str, Node], inodes: Iterable[Inode]) -> Iterator[Extent]:
    """Yield the inodes with what stands behind them."""
    for inode in sorted(inodes, key=lambda inode: inode.node.serial):
        start, head = inode.node.serial * SLOT_SIZE, inode.head()
        yield Extent(start, Inline(head))
        yield from place(_content(nodes, inode.node, inode.blocks_size, inode.inline_size), start + len(head))


def _joined(extents: Iterable[Extent]) -> Iterator[Extent]:
    """Yield extents; neighbours that are held in memory become one, with the gaps between them."""
    for is_held, run in itertools.groupby(extents, lambda extent: isinstance(extent.source, Inline)):
        if is_held:
            yield _one(list(run))
        else:
            yield from run


def _one(extents: Sequence[Extent]) -> Extent:
    start, data = extents[0].offset, bytearray()
    for extent in extents:
        data += bytes(extent.offset - start - len(data)) + read(Content((extent.source,)))
    return Extent(start, Inline(bytes(data)))


def _contents(nodes: Mapping[str, Node], inodes: Iterable[Inode]) -> Iterator[Extent]:
    for inode in inodes:
        if inode.blocks_size:
            yield from place(_content(nodes, inode.node, 0, inode.blocks_size), inode.node.block * BLOCK_SIZE)


def _content(nodes: Mapping[str, Node], node: Node, start: int, size: int) -> Content:
    """Return ``size`` bytes of a content from ``start`` on."""
    entry = node.entry
    if node.is_folder:
        return Content.of(folder_content(node, nodes[posixpath.dirname(entry.path)])[start : start + size])
    content = Content.of(encode(entry.link)) if entry.kind is Kind.SYMLINK else entry.content
    return piece_of(content, start, size)
