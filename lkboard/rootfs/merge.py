"""Merge everything that goes into one root, so that no path occurs twice and nothing depends on who unpacks it.

The reference writes a path as often as it is given and lets the last one win (build.md section 5.2). Here the last one
wins too, with one exception that keeps merged-/usr images together: a directory does not replace a symbolic link to a
directory. Whatever takes the place of a directory hides what that held, as in layers of an image; that is told.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING

from lkboard.events import Job
from lkboard.model.extents import EMPTY, Content
from lkboard.model.rootfs import EPOCH, Entry, Kind, Loss, Origin, Rootfs, Segment
from lkboard.oci.layers.file_tree import FileTree, Loop, Node, entries_of, walk
from lkboard.rootfs.hidden import hidden_files, moved_directory, replaced_file

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = "shared directories"
"""The name of the first segment: directories that several segments have a part in, so that parents come first."""

Level = tuple[dict[str, Node], dict[str, Node], str]
"""Children of a directory of the tree, those that are merged into them, and the path of both."""

OnHidden = Callable[[str, Entry, Node], None]
"""Is told the path of a directory that something else replaces, what does, and the directory."""


class Root:
    """A root directory in the making; everything is put into the segment that was begun last.

    ``epoch`` is the time of everything that is made up, in Unix seconds; ``job`` hears of files that become hidden.
    ``losses`` grows with everything that is replaced.
    """

    def __init__(self, epoch: int = EPOCH, job: Job | None = None, losses: list[Loss] | None = None) -> None:
        self.job = job or Job()
        self.tree = FileTree(Origin("", ""), epoch, losses)
        self.epoch_ns = epoch * 1_000_000_000
        self._names = [SHARED]
        self._told_links: set[str] = set()

    def begin_segment(self, name: str) -> None:
        """Begin a segment; ``name`` is for people."""
        self._names.append(name)

    @property
    def rank(self) -> int:
        """The number of the current segment."""
        return len(self._names) - 1

    def put(self, path: str, entry: Entry) -> None:
        """Merge one entry at a clean path. Raises `ImageConflict`."""
        put(self.tree, path, entry, self.rank, self._tell_hidden)

    def follow(self, path: str, origin: Origin) -> Node | None:
        """Return what a clean path leads to, or None. Raises `ImageConflict` that names ``origin``."""
        try:
            return self.tree.follow(path)
        except Loop as error:
            raise Loop(path, origin) from error

    def put_made(self, path: str, kind: Kind, mode: int, content: Content, origin: Origin) -> None:
        """Merge an entry of our own making: root's, with the time of the epoch. Raises `ImageConflict`."""
        self.put(path, Entry(path, kind, mode, mtime_ns=self.epoch_ns, content=content, origin=origin))

    def put_file(self, path: str, data: bytes, origin: Origin) -> None:
        """Merge a file of our own making. Raises `ImageConflict`."""
        self.put_made(path, Kind.FILE, 0o644, Content.of(data), origin)

    def put_directory(self, path: str, origin: Origin) -> None:
        """Merge a directory of our own making. Raises `ImageConflict`."""
        self.put_made(path, Kind.DIRECTORY, 0o755, EMPTY, origin)

    def put_directories(self, path: str, origin: Origin) -> None:
        """Merge a directory and those above it as `put_directory` does."""
        for folder in lineage(path):
            self.put_directory(folder, origin)

    def graft(self, path: str, source: FileTree) -> None:
        """Merge a whole tree below a directory; ``source`` must not be used any more. Raises `ImageConflict`."""
        graft(self.tree, path, source, self.rank, self._tell_hidden)

    def tell_moved(self, path: str, origin: Origin) -> None:
        """Note the first symbolic link on the way to a directory of our own making, but each link only once."""
        for folder in lineage(path):
            node = self.tree.find(folder)
            if node is not None and node.entry.kind is Kind.SYMLINK:
                if folder not in self._told_links:
                    self.job.note(moved_directory(folder, node.entry, self.tree.real_path(path), origin), "warning")
                self._told_links.add(folder)
                return

    def tell_replaced(self, path: str, by: Entry) -> None:
        """Note that a directory which is only there for what is in it takes the place of something else."""
        node = self.tree.find(path)
        if node is not None:
            self.job.note(replaced_file(path, node.entry, by), "warning")

    def _tell_hidden(self, path: str, by: Entry, hidden: Node) -> None:
        if text := hidden_files(path, by, hidden):
            self.job.note(text, "warning")

    def rootfs(self) -> Rootfs:
        """Return everything as segments. A directory that several segments use is in the first one."""
        ranks = _segment_ranks(self.tree.root)
        nodes: list[list[tuple[str, Node]]] = [[] for _ in self._names]
        if self.tree.has_root_entry:
            nodes[0].append((".", self.tree.root))
        for path, node in walk(self.tree.root.children or {}):
            nodes[ranks[id(node)]].append((path, node))
        segments = (Segment(name, tuple(entries_of(group))) for name, group in zip(self._names, nodes, strict=True))
        return Rootfs(tuple(segment for segment in segments if segment.entries), tuple(self.tree.losses or ()))


def lineage(path: str) -> Iterator[str]:
    """Yield every directory above a clean path from the top down, and the path itself."""
    return itertools.accumulate(path.split("/"), posixpath.join)


def put(tree: FileTree, path: str, entry: Entry, rank: int, on_hidden: OnHidden | None = None) -> None:
    """Merge one entry into a tree. Raises `ImageConflict`."""
    folder, name = posixpath.split(path)
    try:
        _merge(tree, (tree.directory(folder, entry.origin, rank), {name: Node(entry, rank)}, folder), on_hidden)
    except Loop as error:
        raise Loop(path, entry.origin) from error


def graft(tree: FileTree, path: str, source: FileTree, rank: int, on_hidden: OnHidden | None = None) -> None:
    """Merge a tree into a directory of another one; its nodes change hands. Raises `ImageConflict`."""
    for _path, node in walk(source.root.children or {}):
        node.rank = rank
    try:
        children = tree.directory(path, source.root.entry.origin, rank)
        if source.has_root_entry:
            _describe(tree, path, source.root.entry, rank)
        _merge(tree, (children, source.root.children or {}, path), on_hidden)
    except Loop as error:
        raise Loop(path or error.path, source.root.entry.origin) from error


def _describe(tree: FileTree, path: str, entry: Entry, rank: int) -> None:
    if path:
        tree.add(path, entry, rank)
    else:
        tree.describe_root(entry)


def _merge(tree: FileTree, level: Level, on_hidden: OnHidden | None) -> None:
    pending = [level]
    while pending:
        into, source, folder = pending.pop()
        for name, node in list(source.items()):
            pending.extend(_merge_name(tree, into, node, posixpath.join(folder, name), on_hidden))


def _merge_name(
    tree: FileTree, into: dict[str, Node], node: Node, path: str, on_hidden: OnHidden | None
) -> Iterator[Level]:
    """Put a node into a directory, and yield what is still to be merged below it."""
    name = posixpath.basename(path)
    existing = into.get(name)
    if existing is None:
        into[name] = node
    elif node.children is not None and existing.children is not None:
        if not node.entry.is_implied:
            existing.entry, existing.rank = node.entry, node.rank
        yield existing.children, node.children, path
    elif node.children is not None and (target := _directory_behind(tree, existing, path)) is not None:
        yield target, node.children, path
    else:
        tree.lose(path, existing, node.entry.origin)
        into[name] = node
        if existing.children and on_hidden:
            on_hidden(path, node.entry, existing)


def _directory_behind(tree: FileTree, link: Node, path: str) -> dict[str, Node] | None:
    """Return the children of the directory that a symbolic link leads to, None if it is something else."""
    if link.entry.kind is not Kind.SYMLINK:
        return None
    target = tree.follow(path)
    return target.children if target is not None else None


def _segment_ranks(root: Node) -> dict[int, int]:
    """Return the segment of each node (by identity): 0 for directories that more than one segment has a part in."""
    ranks: dict[int, int] = {}
    for _path, node in reversed(list(walk(root.children or {}))):
        children = (node.children or {}).values()
        is_shared = any(ranks[id(child)] != node.rank for child in children)
        ranks[id(node)] = 0 if is_shared else node.rank
    return ranks
