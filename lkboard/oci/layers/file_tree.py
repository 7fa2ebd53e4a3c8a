"""A file system in memory: what layers and images become when they are laid over one another.

Names are resolved as a container engine does it inside the root: a symbolic link met on the way to a name is followed,
but never above the root; the last part of a name is not followed. Hard links are names that share one `Entry` object,
so replacing one name leaves the others as they were.
"""

from __future__ import annotations

import itertools
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.errors import ImageConflict
from lkboard.model.extents import EMPTY
from lkboard.model.rootfs import EPOCH, Entry, Kind, Loss, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.model.rootfs import Fate

_NOBODY = Origin("", "")
_LINK_LIMIT = 40
"""Symbolic links followed for one name before it counts as a loop, as in Linux (path_resolution(7))."""


_MADE_LIMIT = 1 << 16
"""Directories that are made because nothing mentions them: one long path in an archive makes two thousand."""


class Loop(ImageConflict):
    """A name leads through more symbolic links than Linux would follow. ``path`` is what was followed."""

    code = "build.image.loop"

    def __init__(self, path: str, origin: Origin) -> None:
        where = " ".join(filter(None, (origin.location, origin.source))) or None
        super().__init__(f"'{path}' leads through a loop of symbolic links", where=where)
        self.path = path


class Node:
    """What one name holds. ``children`` is None unless it is a directory.

    ``rank`` tells who wrote the name last: a later layer or segment has a higher one.
    """

    __slots__ = ("children", "entry", "rank")

    def __init__(self, entry: Entry, rank: int) -> None:
        self.entry = entry
        self.rank = rank
        self.children: dict[str, Node] | None = {} if entry.kind is Kind.DIRECTORY else None


def clean(name: str) -> str | None:
    """Return a name of an archive or config relative to the root ("" is the root), None when it leaves the root.

    Absolute names count as inside the root (decisions, "Build").
    """
    if "\0" in name:
        return None
    path = posixpath.normpath(name).lstrip("/")
    if path == ".." or path.startswith("../"):
        return None
    return "" if path == "." else path


class FileTree:
    """A root directory. Every path that a method takes is clean (see `clean`), and every method can raise `Loop`.

    ``has_root_entry`` tells whether a layer or image describes the root directory itself. ``epoch`` is the time of
    directories that are made because nothing mentions them. ``losses`` grows with what others replace or delete.
    """

    def __init__(self, origin: Origin, epoch: int = EPOCH, losses: list[Loss] | None = None) -> None:
        self.losses = losses
        self._epoch_ns = epoch * 1_000_000_000
        self._origin = origin
        self._made = 0
        self.root = Node(self._implied(origin), 0)
        self.has_root_entry = False

    def add(self, path: str, entry: Entry, rank: int) -> None:
        """Put an entry at a path as a layer does: it replaces what is there, but a directory keeps what it contains."""
        if not path:
            self.describe_root(entry)
            return
        folder, _, name = path.rpartition("/")
        siblings = self.directory(folder, entry.origin, rank)
        existing, node = siblings.get(name), Node(entry, rank)
        if existing is not None and existing.children is not None and node.children is not None:
            node.children = existing.children
        elif existing is not None:
            self.lose(path, existing, entry.origin)
        siblings[name] = node

    def describe_root(self, entry: Entry) -> None:
        """Give the root directory its mode, owner and time; anything but a directory is ignored."""
        if entry.kind is Kind.DIRECTORY:
            self.root.entry = entry
            self.has_root_entry = True

    def link(self, path: str, target: str, rank: int) -> bool:
        """Make a path another name of a target. False if there is no target, or it is a directory."""
        node = self.find(target)
        if node is None or node.children is not None:
            return False
        self.add(path, node.entry, rank)
        return True

    def find(self, path: str) -> Node | None:
        """Return what a path holds, or None."""
        folder, _, name = path.rpartition("/")
        parent = self.follow(folder)
        if not name or parent is None or parent.children is None:
            return None if name else parent
        return parent.children.get(name)

    def follow(self, path: str) -> Node | None:
        """Return what a path leads to when a symbolic link at its end is followed too, or None."""
        return self._walk(path, None)

    def directory(self, path: str, origin: Origin, rank: int) -> dict[str, Node]:
        """Return the children of the directory that a path leads to; missing ones are made, other things replaced."""
        node = self._walk(path, Node(self._implied(origin), rank))
        assert node is not None
        assert node.children is not None
        return node.children

    def real_path(self, path: str) -> str | None:
        """Return where a path leads to when no symbolic link is followed any more, or None."""
        trail = self._trail(path, None)
        return None if trail is None else _path_of(trail)

    def lose(self, path: str, node: Node, by: Origin, fate: Fate = "replaced") -> None:
        """Note that a node at a path, and all below it, is about to go; the path's folder must exist."""
        if self.losses is None:
            return
        path = self._real_name(path)
        nodes = [(path, node), *walk(node.children or {}, f"{path}/")]
        self.losses += (Loss(name, one.entry, by, fate) for name, one in nodes if not one.entry.is_implied)

    def remove(self, path: str, by: Origin = _NOBODY) -> None:
        """Take away a name and all below it, if it is there, because no system has it."""
        folder, _, name = path.rpartition("/")
        parent = self.follow(folder)
        if parent is not None and parent.children is not None and name in parent.children:
            self.lose(path, parent.children[name], by, "left out")
            del parent.children[name]

    def white_out(self, path: str, rank: int, by: Origin = _NOBODY) -> None:
        """Hide what ranks below ``rank`` wrote at a path and below it (image-spec, layer.md, "Whiteouts")."""
        folder, _, name = path.rpartition("/")
        parent = self.follow(folder)
        if parent is not None and parent.children and name in parent.children:
            only = {name: parent.children[name]}
            self._white_out_all(folder, only, rank, by)
            if not only:
                del parent.children[name]

    def white_out_children(self, path: str, rank: int, by: Origin = _NOBODY) -> None:
        """Hide what ranks below ``rank`` wrote below a directory (image-spec, layer.md, "Opaque Whiteout")."""
        node = self.follow(path)
        if node is not None and node.children:
            self._white_out_all(path, node.children, rank, by)

    def _implied(self, origin: Origin) -> Entry:
        return Entry("", Kind.DIRECTORY, 0o755, mtime_ns=self._epoch_ns, origin=origin, is_implied=True)

    def _real_name(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        return posixpath.join(self.real_path(folder) or "", name)

    def _white_out_all(self, folder: str, children: dict[str, Node], rank: int, by: Origin) -> None:
        if self.losses is None:
            self._prune(children, rank)
            return
        before = [(path, node, node.entry) for path, node in walk(children, self._real_name(f"{folder}/"))]
        self._prune(children, rank)
        left = {id(node) for _path, node in walk(children)}
        gone = ((path, entry) for path, node, entry in before if id(node) not in left and not entry.is_implied)
        self.losses += (Loss(path, entry, by, "whiteout") for path, entry in gone)

    def _prune(self, children: dict[str, Node], rank: int) -> None:
        """Remove what ranks below wrote; directories that still hold something become implied ones."""
        levels = [children]
        for level in levels:
            levels += [node.children for node in level.values() if node.children]
        for level in reversed(levels):
            for name, node in list(level.items()):
                if node.rank >= rank:
                    continue
                if node.children:
                    node.entry = self._implied(node.entry.origin)
                else:
                    del level[name]

    def _count_made(self) -> None:
        """Count a directory that is made because nothing mentions it. Raises `ImageConflict`."""
        self._made += 1
        if self._made > _MADE_LIMIT:
            message = f"its paths need more than {_MADE_LIMIT} directories that it does not contain"
            raise ImageConflict(message, where=self._origin.source or None)

    def _walk(self, path: str, missing: Node | None) -> Node | None:
        trail = self._trail(path, missing)
        return trail[-1] if trail is not None else None

    def _trail(self, path: str, missing: Node | None) -> list[Node] | None:
        """Follow every part of a path from the root. ``missing`` is the model for directories to be made."""
        trail = [self.root]
        parts = path.split("/")[::-1]
        followed = 0
        while parts:
            part = parts.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                del trail[max(1, len(trail) - 1) :]
                continue
            children = trail[-1].children
            node = children.get(part) if children is not None else None
            if node is not None and node.entry.kind is Kind.SYMLINK:
                followed += 1
                if followed > _LINK_LIMIT:
                    raise Loop(path, self._origin)
                parts += node.entry.link.split("/")[::-1]
                if node.entry.link.startswith("/"):
                    del trail[1:]
                continue
            if missing is not None and (node is None or node.children is None):
                assert children is not None
                if node is not None:
                    self.lose(posixpath.join(_path_of(trail), part), node, missing.entry.origin)
                self._count_made()
                node = children[part] = Node(missing.entry, missing.rank)
            if node is None:
                return None
            trail.append(node)
        return trail


def _path_of(trail: list[Node]) -> str:
    """Return the path of the last of several nodes, of which each is in the one before it."""
    pairs = itertools.pairwise(trail)
    return "/".join(next(name for name, one in (up.children or {}).items() if one is node) for up, node in pairs)


def walk(children: dict[str, Node], prefix: str = "") -> Iterator[tuple[str, Node]]:
    """Yield path and node of everything below a directory, in the order of arrival, parents before children."""
    pending = [(prefix, iter(children.items()))]
    while pending:
        folder, names = pending[-1]
        for name, node in names:
            path = folder + name
            yield path, node
            if node.children:
                pending.append((path + "/", iter(node.children.items())))
                break
        else:
            pending.pop()


def entries_of(nodes: Iterable[tuple[str, Node]]) -> Iterator[Entry]:
    """Yield the entries of nodes under their paths; a file met again under another name is a hard link to the first.

    Only files are linked: a second name of a symbolic link or device is a copy, which means the same.
    """
    first: dict[int, str] = {}
    for path, node in nodes:
        entry = node.entry
        if entry.kind is Kind.FILE:
            earlier = first.setdefault(id(entry), path)
            if earlier is not path:
                yield replace(entry, path=path, kind=Kind.HARDLINK, link=earlier, content=EMPTY)
                continue
        yield entry if entry.path == path else replace(entry, path=path)
