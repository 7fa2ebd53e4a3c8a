"""erofs volumes without compression, planned as a whole: inodes first, then contents, each in one run of blocks.

Sources: Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h in Linux. Only what the first kernels with erofs
know (4.19) is used, and the first block belongs to the superblock alone, so that its checksum is over known bytes.
"""

from __future__ import annotations

import posixpath
import uuid
from typing import TYPE_CHECKING

from lkboard.disk import ids
from lkboard.disk.content import concatenate, encode, slices
from lkboard.disk.erofs_folder import folder_content, folder_size
from lkboard.disk.erofs_inode import inline_size, inode_head, inode_size
from lkboard.disk.erofs_slots import BLOCK_SIZE, SLOT_SIZE, Slots
from lkboard.disk.erofs_superblock import SUPERBLOCK_AT, superblock
from lkboard.disk.tree import nodes_of
from lkboard.errors import BuildError
from lkboard.model.extents import EMPTY, Content, Extent, ExtentMap, Inline, place
from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lkboard.disk.tree import Node
    from lkboard.model.rootfs import Entry

_NAME_MAX = 255
_BLOCKS_LIMIT = (1 << 32) - 1
"""The highest number of a block means "no place" in an inode."""


def plan(entries: Sequence[Entry], *, epoch: int, on_chunk: Callable[[], None] = lambda: None) -> ExtentMap:
    """Return a volume with entries, parents before children; folders that nothing describes are made up.

    ``epoch`` is the time of making, and of what is made up, in Unix seconds. The identity stands for all that is on the
    volume: it is read once, and ``on_chunk`` called at least for every MiB. Raises `BuildError` for what does not fit,
    and when a source cannot be read.
    """
    nodes = nodes_of(entries, epoch)
    _check_names(nodes)
    inodes = tuple(dict.fromkeys(nodes.values()))
    end = _place_contents(inodes, _place_inodes(inodes))
    metadata = concatenate(_metadata(nodes, inodes)).shifted(BLOCK_SIZE)
    body = ExtentMap((*metadata, *_contents(nodes, inodes)), end * BLOCK_SIZE)
    head = superblock(
        root=nodes[""].serial,
        inodes=len(inodes),
        blocks=end,
        epoch=epoch,
        identity=uuid.UUID(ids.guid(ids.map_seed(body, on_chunk), "file system")).bytes,
    )
    return ExtentMap((Extent(SUPERBLOCK_AT, Inline(head)), *body.extents), body.size)


def _check_names(paths: Iterable[str]) -> None:
    for path in paths:
        name = posixpath.basename(path)
        if len(encode(name)) > _NAME_MAX:
            raise BuildError(f"'{name[:80]}…' has a name of more than {_NAME_MAX} bytes", hint="rename it")


def _place_inodes(inodes: Iterable[Node]) -> int:
    """Give every inode its number, the root first, and return the block behind the last.

    The number of the root must be one of 16 bits, and none may be 0: programs take such a file for a removed one.
    """
    slots = Slots(first_block=1)
    for node in inodes:
        if node.is_folder:
            node.size = folder_size(node)
        elif node.entry.kind is Kind.SYMLINK:
            node.size = len(encode(node.entry.link))
        node.serial = slots.take(inode_size(node))
    return slots.end


def _place_contents(inodes: Iterable[Node], block: int) -> int:
    """Give what does not stand behind its inode its place from ``block`` on and return the block behind the last."""
    for node in inodes:
        size = node.size - inline_size(node)
        if size:
            node.block = block
            block += -(-size // BLOCK_SIZE)
    if block > _BLOCKS_LIMIT:
        raise BuildError(f"an erofs has room for 16 TiB, {block >> 18} GiB are needed")
    return block


def _metadata(nodes: Mapping[str, Node], inodes: Iterable[Node]) -> Iterator[Content]:
    """Yield the inodes with what stands behind them, and the gaps between them, from the second block on."""
    position = BLOCK_SIZE
    for node in sorted(inodes, key=lambda inode: inode.serial):
        start, head = node.serial * SLOT_SIZE, inode_head(node)
        _rest, end = _parted(nodes, node)
        yield Content.of(bytes(start - position) + head) + end
        position = start + len(head) + end.size


def _contents(nodes: Mapping[str, Node], inodes: Iterable[Node]) -> Iterator[Extent]:
    for node in inodes:
        if node.block:
            rest, _end = _parted(nodes, node)
            yield from place(rest, node.block * BLOCK_SIZE)


def _parted(nodes: Mapping[str, Node], node: Node) -> tuple[Content, Content]:
    """Return what of a content is in blocks, and what stands behind the inode."""
    content, end = _content(nodes, node), inline_size(node)
    if not end:
        return content, EMPTY
    if end == node.size:
        return EMPTY, content
    rest, inline = slices(content, node.size - end)
    return rest, inline


def _content(nodes: Mapping[str, Node], node: Node) -> Content:
    entry = node.entry
    if node.is_folder:
        return Content.of(folder_content(node, nodes[posixpath.dirname(entry.path)]))
    return Content.of(encode(entry.link)) if entry.kind is Kind.SYMLINK else entry.content
