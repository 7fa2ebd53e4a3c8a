"""The tree of an ISO 9660 volume: files under their names, folders in the order of the path table."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lkboard.disk import iso_names
from lkboard.errors import BuildError
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILE_LIMIT = 1 << 32
_FOLDERS_MAX = (1 << 16) - 1
_SECOND = 1_000_000_000


@dataclass(slots=True)
class Node:
    """A file, under however many names; ``names`` are those in a folder.

    ``size`` is that of the content in bytes, and of a folder that of its records, known like ``block`` once it has a
    place.
    """

    entry: Entry
    serial: int
    links: int = 1
    block: int = 0
    size: int = 0
    names: dict[str, Node] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it has names in it."""
        return self.entry.kind is Kind.DIRECTORY


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
    nodes = {"": _made_up("", epoch, 1)}
    for entry in entries:
        if entry.path == ".":
            nodes[""].entry = entry
        else:
            _add(nodes, entry, epoch)
    return Tree(nodes, _in_order(nodes[""]))


def _made_up(path: str, epoch: int, serial: int) -> Node:
    return Node(Entry(path, Kind.DIRECTORY, 0o755, mtime_ns=epoch * _SECOND), serial, links=2)


def _add(nodes: dict[str, Node], entry: Entry, epoch: int) -> None:
    """Put an entry into the tree."""
    if entry.kind is Kind.HARDLINK:
        node = nodes[entry.link]
        node.links += 1
    elif entry.kind is Kind.DIRECTORY:
        node = Node(entry, len(nodes) + 1, links=2)
    else:
        node = Node(entry, len(nodes) + 1, size=entry.content.size if entry.kind is Kind.FILE else 0)
        if node.size >= _FILE_LIMIT:
            raise BuildError(f"'{entry.path}' is too large: a file on a disc has at most 4 GiB - 1 byte")
    _name(nodes, entry.path, node, epoch)


def _name(nodes: dict[str, Node], path: str, node: Node, epoch: int) -> None:
    """Give a file a name in its folder, which is made when it is missing."""
    folder_path, name = posixpath.split(path)
    if folder_path not in nodes:
        _name(nodes, folder_path, _made_up(folder_path, epoch, len(nodes) + 1), epoch)
    folder = nodes[folder_path]
    if not folder.is_folder:
        raise BuildError(f"'{path}' cannot be in '{folder_path}', which is not a folder", hint="rename one of them")
    if name in folder.names:
        raise BuildError(f"'{path}' is there twice", hint="rename or remove one of them")
    if node.is_folder:
        folder.links += 1
    folder.names[name] = nodes[path] = node


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
