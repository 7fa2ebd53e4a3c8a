"""Why a path is in a root, or is not."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from lkboard.errors import PathMissing
from lkboard.model.explanation import Explanation, Part, Replaced
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.model.suggest import nearest
from lkboard.oci.layers.file_tree import FileTree, Loop, clean
from lkboard.rootfs import kinds
from lkboard.rootfs.bootparts import split, without
from lkboard.rootfs.cost import packed_size
from lkboard.rootfs.kernel import BOOT
from lkboard.rootfs.makeup import files_in, group_of, is_below, maker_of, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.events import Job
    from lkboard.model.explanation import Maker
    from lkboard.model.rootfs import Loss, Rootfs
    from lkboard.rootfs.makers import Makers

_DEVICES = frozenset([Kind.CHAR, Kind.BLOCK])
_ROOT = "."
_UNDESCRIBED = Entry(
    _ROOT, Kind.DIRECTORY, 0o755, origin=Origin("", "", made="the root itself, which nothing describes")
)
_SHOWN = 3


class Explainer:
    """Answers questions about a root that was assembled ``with_losses``, and about who has put what into it."""

    def __init__(self, rootfs: Rootfs, makers: Makers, job: Job) -> None:
        self._rootfs = rootfs
        self._rest = split(rootfs)[1]
        self._job = job
        self._makers = makers
        self._entries = {entry.path: entry for entry in rootfs.entries}

    def find(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that a path or a pattern (``*``, ``?``, ``[…]`` within a name) stands for, without links.

        Raises `PathMissing` that says what became of it.
        """
        path = clean(pattern)
        if path is None:
            raise PathMissing(f"'{pattern}' leads out of the root", hint="write a path as the system will have it")
        if (real := self._real(path)) in self._entries or not path:
            return (real,)
        parts = path.split("/")
        found = tuple(name for name in self._entries if _fits(name.split("/"), parts))
        if not found:
            raise self._missing(path, real)
        return found

    def explain(self, path: str, *, with_cost: bool = True) -> Explanation:
        """Explain a path that `find` has returned; only ``with_cost`` is it known what it takes in the initrd.

        Raises `BuildError` when a source cannot be read, and `Cancelled`.
        """
        entry = self._entries.get(path or _ROOT, _UNDESCRIBED)
        file = self._entries[entry.link] if entry.kind is Kind.HARDLINK else entry
        is_folder = entry.kind is Kind.DIRECTORY
        below = _selected(self._rootfs, path) if is_folder else [replace(file, path=path)]
        return Explanation(
            path=f"/{path}",
            kind=kinds.NAMES[entry.kind],
            mode=_mode(file),
            uid=file.uid,
            gid=file.gid,
            maker=self._makers.of(entry),
            files=files_in(below),
            size_bytes=size_of(below),
            initrd_bytes=self._packed_size(path, below, is_folder=is_folder) if with_cost else None,
            link=entry.link if entry.kind is Kind.SYMLINK else "",
            device=entry.device if entry.kind in _DEVICES else None,
            names=tuple(self._other_names(entry)),
            users=self._makers.users(entry),
            replaced=tuple(self._replaced(loss) for loss in self._losses.get(path, ())),
            parts=tuple(self._parts(below)) if is_folder else (),
        )

    def _packed_size(self, path: str, below: list[Entry], *, is_folder: bool) -> int | None:
        if is_folder:
            below = _selected(self._rest, path)
        elif is_below(path, BOOT):
            return None
        return packed_size(below, self._job) if below else None

    @cached_property
    def _losses(self) -> dict[str, list[Loss]]:
        losses: dict[str, list[Loss]] = {}
        for loss in self._rootfs.losses:
            losses.setdefault(loss.path, []).append(loss)
        return losses

    @cached_property
    def _tree(self) -> FileTree:
        tree = FileTree(Origin("", ""))
        for path, entry in self._entries.items():
            tree.add("" if path == _ROOT else path, entry, 0)
        return tree

    def _real(self, path: str) -> str:
        """Return a path without links on the way to its last name, as far as there is something."""
        folder, name = posixpath.split(path)
        try:
            real = self._tree.real_path(folder)
        except Loop as error:
            raise PathMissing(f"'/{path}' leads through a loop of symbolic links", where=error.where) from error
        return path if real is None else posixpath.join(real, name)

    @cached_property
    def _links(self) -> dict[str, list[str]]:
        links: dict[str, list[str]] = {}
        for entry in self._entries.values():
            if entry.kind is Kind.HARDLINK:
                links.setdefault(entry.link, []).append(entry.path)
        return links

    def _other_names(self, entry: Entry) -> Iterator[str]:
        first = entry.link if entry.kind is Kind.HARDLINK else entry.path
        yield from (f"/{name}" for name in (first, *self._links.get(first, ())) if name != entry.path)

    def _replaced(self, loss: Loss) -> Replaced:
        return Replaced(
            kind=kinds.NAMES[loss.entry.kind],
            mode=_mode(loss.entry),
            size_bytes=loss.entry.content.size,
            maker=self._makers.of(loss.entry),
            fate=loss.fate,
            by=self._makers.of_origin(loss.by),
        )

    def _parts(self, entries: Iterable[Entry]) -> Iterator[Part]:
        groups: dict[str, list[Entry]] = {}
        for entry in entries:
            groups.setdefault(group_of(entry), []).append(entry)
        for name, group in sorted(groups.items(), key=lambda part: -size_of(part[1])):
            maker = maker_of(name, group, self._makers)
            yield Part(maker.location, maker.name, files_in(group), size_of(group))

    def _missing(self, path: str, real: str) -> PathMissing:
        losses = self._losses.get(real) or self._losses.get(path)
        if losses:
            had, by = self._makers.of(losses[-1].entry), self._makers.of_origin(losses[-1].by)
            return PathMissing(f"'/{path}' is not in the system: {_fate(losses[-1], had, by)}", where=by.place or None)
        return PathMissing(f"'/{path}' is not in the system", hint=self._near(real))

    def _near(self, path: str) -> str:
        """Return a hint: where the same name is, or which name in the nearest folder is meant."""
        name = posixpath.basename(path)
        same = islice((other for other in self._entries if posixpath.basename(other) == name), _SHOWN)
        if found := ", ".join(f"'/{other}'" for other in same):
            return f"did you mean {found}?"
        folder, wanted = posixpath.split(path)
        while folder and folder not in self._entries:
            folder, wanted = posixpath.split(folder)
        names = [other for other in self._entries if posixpath.dirname(other) == folder]
        close = nearest(wanted, (posixpath.basename(other) for other in names))
        if close:
            return f"did you mean '/{posixpath.join(folder, close)}'?"
        return (
            f"'/{folder}' has {len(names)} name{'s' * (len(names) != 1)}; to see them: '/{posixpath.join(folder, '*')}'"
        )


def _fits(parts: list[str], patterns: list[str]) -> bool:
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _selected(rootfs: Rootfs, path: str) -> list[Entry]:
    """Return what is at and below a path; a file that has a name outside as well is there under one inside."""

    def is_outside(name: str) -> bool:
        return name != path and not is_below(name, path)

    return [entry for segment in rootfs.segments for entry in without(segment.entries, is_outside)]


def _mode(entry: Entry) -> str:
    return f"{entry.mode & 0o7777:04o}"


def _fate(loss: Loss, had: Maker, by: Maker) -> str:
    if loss.fate == "left out":
        return f"lkboard leaves it out of every image; {had} has it"
    if loss.fate == "whiteout":
        return f"{by} deletes it; {had} has it"
    return f"{by} put something else in its place; {had} has it"
