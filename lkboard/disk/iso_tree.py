"""The tree of an ISO 9660 volume: folders in the order of the path table, with their records sorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lkboard.disk import iso_names
from lkboard.disk.tree import nodes_of
from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkboard.disk.tree import Node
    from lkboard.model.rootfs import Entry

_FILE_LIMIT = 1 << 32
_FOLDERS_MAX = (1 << 16) - 1


class Row(NamedTuple):
    """What one record of a folder is about."""

    identifier: bytes
    name: str
    node: Node


class Folder(NamedTuple):
    """A folder of the path table, with its records in order. ``number`` (from 1) is that of its parent."""

    node: Node
    identifier: bytes
    parent: Node
    number: int
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Tree:
    """All files by path, in the order given, the root's path is empty; folders in that of the path table."""

    nodes: dict[str, Node]
    folders: list[Folder]


def tree_of(entries: Iterable[Entry], epoch: int) -> Tree:
    """Return the tree of entries, parents before children. Folders that nothing describes are as old as ``epoch``.

    Raises `BuildError` when a disc has no room for it.
    """
    nodes = nodes_of(entries, epoch)
    for path, node in nodes.items():
        if node.size >= _FILE_LIMIT:
            raise BuildError(f"'{path}' is too large: a file on a disc has at most 4 GiB - 1 byte")
    return Tree(nodes, _in_order(nodes[""]))


def _in_order(root: Node) -> list[Folder]:
    """Return all folders, level by level (ECMA-119, section 6.9.1)."""
    folders = [_folder(root, b"\0", root, 1)]
    for number, folder in enumerate(folders, start=1):
        below = (row for row in folder.rows if row.node.is_folder)
        folders += [_folder(row.node, row.identifier, folder.node, number) for row in below]
    if len(folders) > _FOLDERS_MAX:
        raise BuildError(f"a disc has room for {_FOLDERS_MAX} folders, there are {len(folders)}")
    return folders


def _folder(node: Node, identifier: bytes, parent: Node, number: int) -> Folder:
    """Return a folder with its records sorted."""
    identifiers = iso_names.identifiers([(name, child.is_folder) for name, child in node.names.items()])
    rows = (Row(made, name, child) for made, (name, child) in zip(identifiers, node.names.items(), strict=True))
    return Folder(node, identifier, parent, number, sorted(rows, key=lambda row: iso_names.order(row.identifier)))
