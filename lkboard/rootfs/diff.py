"""What is not the same in two roots: rights, containers, files and sizes. Times are not compared."""

from __future__ import annotations

import posixpath
import stat
from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.model.difference import Difference, FileChange, SizeChange
from lkboard.model.extents import FileSpan
from lkboard.model.rootfs import Kind
from lkboard.rootfs import kinds
from lkboard.rootfs.bundle_diff import compare_bundles, new_bundle, old_bundle
from lkboard.rootfs.kernel import BOOT, CMDLINE
from lkboard.rootfs.privileges import container_rights
from lkboard.rootfs.rights import Right, Rights, compare_rights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.events import Job
    from lkboard.model.difference import Change, PrivilegeChange, ServiceChange
    from lkboard.model.extents import Content
    from lkboard.model.rootfs import Entry
    from lkboard.rootfs.trees import Bundle, Tree

_DIRECTIONS = ("more", "less", "other")
_SET_ID = stat.S_ISUID | stat.S_ISGID
_XATTR = "SCHILY.xattr."
_FILE_CAPABILITIES = f"{_XATTR}security.capability"


def compare(before: Tree, after: Tree, job: Job) -> Difference:
    """Return what is not the same in two roots, sorted.

    Raises `BuildError` when a container's documents or a file cannot be read, and `Cancelled`.
    """
    names = before.names.keys() | after.names.keys()
    untold = {name for name in names if not (before.tells(name) and after.tells(name))}
    comparison = _Comparison(before, after, untold, job)
    has_cmdlines = before.tells(CMDLINE) and after.tells(CMDLINE)
    cmdlines = (_cmdline(before), _cmdline(after)) if has_cmdlines else (None, None)
    sizes = tuple(comparison.sizes())
    return Difference(
        privileges=tuple(sorted(comparison.privileges(), key=_privilege_order)),
        services=tuple(comparison.services()),
        files=tuple(comparison.files()),
        sizes=tuple(size for size in sizes if size.size_before != size.size_after),
        size_before=sum(size.size_before for size in sizes),
        size_after=sum(size.size_after for size in sizes),
        cmdline_before=cmdlines[0],
        cmdline_after=cmdlines[1],
        notes=tuple(_notes(untold, before, after)),
    )


def _notes(untold: Iterable[str], *trees: Tree) -> Iterator[str]:
    """Yield what could not be compared."""
    if listed := ", ".join(f"/{name}" for name in sorted(untold)):
        yield f"not compared, because an initrd cannot have it: {listed}"
    for tree in trees:
        if listed := ", ".join(f"/{path}" for path in tree.unknown):
            yield f"{tree.name}: links lead out of the system, so what the init starts there is not known: {listed}"


class _Comparison:
    """Two trees on the way to their difference. Names are those under which paths are compared."""

    def __init__(self, before: Tree, after: Tree, untold: set[str], job: Job) -> None:
        self._before = before
        self._after = after
        self._job = job
        self._untold = untold
        self._left_out = untold | {CMDLINE}  # the command line is more than a file
        self._has_attributes = before.has_attributes and after.has_attributes
        self._same: dict[tuple[int, int], bool] = {}

    def privileges(self) -> Iterator[PrivilegeChange]:
        """Yield the rights that are not the same; of containers that are gone none is told."""
        old, new = self._before.bundles, self._after.bundles
        for part, bundle in new.items():
            earlier = _rights(self._before, old[part]) if part in old else None
            yield from compare_rights(part, earlier, _rights(self._after, bundle))
        for name in self._before.names.keys() | self._after.names.keys():
            path = self._after.names.get(name) or self._before.names[name]
            part = self._after.parts.get(path) or self._before.parts[path]
            if part in new or part not in old:
                rights = (self._program_rights(tree, name, path) for tree in (self._before, self._after))
                yield from compare_rights(part, *rights)

    def services(self) -> Iterator[ServiceChange]:
        """Yield the containers that came, went or are others."""
        old, new = self._before.bundles, self._after.bundles
        order = [part for part in old if part in new], [part for part in new if part in old]
        for part in sorted({**old, **new}):
            if part not in new:
                yield old_bundle(old[part])
            elif part not in old:
                yield new_bundle(new[part])
            else:
                places = order[0].index(part), order[1].index(part)
                change = compare_bundles(old[part], new[part], places)
                if change.settings or change.image_before != change.image_after:
                    yield change

    def files(self) -> Iterator[FileChange]:
        """Yield the paths that came, went or are something else."""
        old, new = self._before.names, self._after.names
        removed = self._whole(self._before, old.keys() - new.keys(), "removed")
        added = self._whole(self._after, new.keys() - old.keys(), "added")
        changed = {name: change for name in old.keys() & new.keys() if (change := self._changed(name))}
        for _name, change in sorted({**removed, **added, **changed}.items()):
            yield change

    def sizes(self) -> Iterator[SizeChange]:
        """Yield the sizes of all parts, those that changed most first."""
        old, new = self._sizes_of(self._before), self._sizes_of(self._after)
        changes = [SizeChange(part, old.get(part, 0), new.get(part, 0)) for part in sorted({**old, **new})]
        yield from sorted(changes, key=lambda one: -abs(one.size_after - one.size_before))

    def _sizes_of(self, tree: Tree) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for name, path in tree.names.items():
            if name not in self._untold:
                sizes[tree.parts[path]] = sizes.get(tree.parts[path], 0) + tree.entries[path].content.size
        return sizes

    def _program_rights(self, tree: Tree, name: str, path: str) -> Rights:
        """Return what the program with a name may; ``path`` is how it is shown."""
        if name not in tree.names:
            return {}
        file = tree.file(tree.names[name])
        found = _file_rights(file, has_attributes=self._has_attributes) if file.kind is Kind.FILE else ()
        return {(kind, f"/{path}"): right for kind, right in found}

    def _whole(self, tree: Tree, names: Iterable[str], change: Change) -> dict[str, FileChange]:
        """Return the changes of names that only one tree has, by the topmost folder that it alone has."""
        tops: dict[str, str] = {}
        groups: dict[str, list[Entry]] = {}
        for name in sorted(set(names) - self._left_out):
            top = tops[name] = tops.get(posixpath.dirname(name), name)
            groups.setdefault(top, []).append(tree.entries[tree.names[name]])
        return {top: _whole_change(tree, top, entries, change) for top, entries in groups.items()}

    def _changed(self, name: str) -> FileChange | None:
        if name in self._left_out:
            return None
        self._job.check()
        path = self._after.names[name]
        old, new = self._before.file(self._before.names[name]), self._after.file(path)
        details = tuple(self._details(old, new, is_boot=self._after.parts[path] == BOOT))
        if not details:
            return None
        sizes = old.content.size, new.content.size
        return FileChange(f"/{path}", self._after.parts[path], "changed", details, 1, *sizes)

    def _details(self, old: Entry, new: Entry, *, is_boot: bool) -> Iterator[str]:
        """Say what two entries have differently; of what boot loaders load only the bytes mean something."""
        if old.kind is not new.kind:
            yield f"{kinds.NAMES[old.kind]} -> {kinds.NAMES[new.kind]}"
            return
        if not self._are_same(old.content, new.content):
            yield "content"
        if is_boot:
            return
        was, now = (_attributes(entry, has_attributes=self._has_attributes) for entry in (old, new))
        for name, value in was.items():
            if value != now[name]:
                yield f"{name} {value or 'none'} -> {now[name] or 'none'}"

    def _are_same(self, old: Content, new: Content) -> bool:
        """Compare two contents; those of files with many names only once."""
        if old.size != new.size:
            return False
        if old == new or _identity(old) == _identity(new) != ():
            return True
        key = id(old), id(new)
        if key not in self._same:
            self._job.check()
            self._same[key] = self._digest(old) == self._digest(new)
        return self._same[key]

    def _digest(self, content: Content) -> str:
        return contents.digest(content, self._job.check)


def _cmdline(tree: Tree) -> str:
    return tree.read(CMDLINE).decode("utf-8", "replace") if CMDLINE in tree.entries else ""


def _rights(tree: Tree, bundle: Bundle) -> Rights:
    return container_rights(bundle.config, bundle.runtime, bundle.path, tree.real_path)


def _privilege_order(change: PrivilegeChange) -> tuple[object, ...]:
    return _DIRECTIONS.index(change.direction), change.part, change.kind, change.subject


def _file_rights(file: Entry, *, has_attributes: bool) -> Iterator[tuple[str, Right]]:
    """Yield what a program may whoever runs it: what its owner may, or what its capabilities say."""
    if file.mode & _SET_ID:
        yield "setuid program", Right(1, f"mode {file.mode & 0o7777:04o}, owner {file.uid}:{file.gid}")
    if has_attributes and any(name == _FILE_CAPABILITIES for name, _value in file.pax):
        yield "program with capabilities", Right(1, "granted")


def _whole_change(tree: Tree, name: str, entries: list[Entry], change: Change) -> FileChange:
    path = tree.names[name]
    size = sum(entry.content.size for entry in entries)
    kind = kinds.NAMES[tree.file(path).kind]
    files = sum(entry.kind is not Kind.DIRECTORY for entry in entries)
    sizes = (size, 0) if change == "removed" else (0, size)
    return FileChange(f"/{path}", tree.parts[path], change, (kind,), files, *sizes)


def _attributes(entry: Entry, *, has_attributes: bool) -> dict[str, str]:
    """Return what an entry has besides its contents; the mode of a symbolic link means nothing."""
    extended = (f"{name.removeprefix(_XATTR)}={value.hex()}" for name, value in entry.pax if name.startswith(_XATTR))
    return {
        "mode": f"{entry.mode & 0o7777:04o}" if entry.kind is not Kind.SYMLINK else "",
        "owner": f"{entry.uid}:{entry.gid}",
        "target": entry.link if entry.kind is Kind.SYMLINK else "",
        "device": f"{entry.device[0]}:{entry.device[1]}" if entry.kind in {Kind.CHAR, Kind.BLOCK} else "",
        "attributes": ", ".join(extended) if has_attributes else "",
    }


def _identity(content: Content) -> tuple[object, ...]:
    """Return what tells contents from others without reading them; nothing where it is not known."""
    spans = [part for part in content.parts if isinstance(part, FileSpan) and part.digest]
    return tuple((span.digest, span.offset, span.size) for span in spans) if len(spans) == len(content.parts) else ()
