"""Entries as a tree of files under their names: what planners of file systems give places to."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECOND = 1_000_000_000


@dataclass(slots=True, eq=False)
class Node:
    """A file, under however many names; ``names`` are those in a folder.

    ``serial`` is the number of its inode: the order in which it came, or what the file system makes of it. ``size`` is
    that of the content in bytes. What a folder takes, and ``block``, where the content begins, are known once it has a
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


def nodes_of(entries: Iterable[Entry], epoch: int) -> dict[str, Node]:
    """Return files by path, in the order of entries, parents before children; the root is the first, its path empty.

    Folders that nothing describes are made up and are as old as ``epoch``, in Unix seconds. Raises `BuildError` when a
    name is taken or in something that is no folder.
    """
    nodes = {"": Node(_made_up("", epoch), 1, links=2)}
    for entry in entries:
        if entry.path == ".":
            nodes[""].entry = entry
        else:
            _add(nodes, entry, epoch)
    return nodes


def _made_up(path: str, epoch: int) -> Entry:
    return Entry(path, Kind.DIRECTORY, 0o755, mtime_ns=epoch * _SECOND)


def _add(nodes: dict[str, Node], entry: Entry, epoch: int) -> None:
    """Put an entry into its folder, which is made when it is missing."""
    path = entry.path
    folder_path, name = posixpath.split(path)
    if folder_path not in nodes:
        _add(nodes, _made_up(folder_path, epoch), epoch)
    folder = nodes[folder_path]
    if not folder.is_folder:
        raise BuildError(f"'{path}' cannot be in '{folder_path}', which is not a folder", hint="rename one of them")
    if name in folder.names:
        raise BuildError(f"'{path}' is there twice", hint="rename or remove one of them")
    node = folder.names[name] = nodes[path] = _node(nodes, entry)
    if node.is_folder:
        folder.links += 1


def _node(nodes: Mapping[str, Node], entry: Entry) -> Node:
    """Return what an entry is a name of."""
    if entry.kind is Kind.HARDLINK:
        node = nodes[entry.link]
        node.links += 1
        return node
    links = 2 if entry.kind is Kind.DIRECTORY else 1
    return Node(entry, len(nodes) + 1, links, size=entry.content.size if entry.kind is Kind.FILE else 0)
