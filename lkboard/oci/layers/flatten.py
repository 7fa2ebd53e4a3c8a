"""Flatten an image: lay its layers over one another and list what remains (image-spec, layer.md; build.md section 5.3).

Whiteouts act on lower layers only, wherever they stand in their layer; of several entries with one name in a layer the
last counts; a hard link outlives the name it was made for (decisions, "Build").
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lkboard.errors import LayerInvalid
from lkboard.model.rootfs import EPOCH, Kind, Origin
from lkboard.oci.layers.advice import BOMB, BROKEN_IMAGE, advising
from lkboard.oci.layers.file_tree import FileTree, Loop, clean, entries_of, walk
from lkboard.oci.layers.tar_reader import PATH_LIMIT, read_tar
from lkboard.oci.layers.unpack import diff_layers, layer_name, size_limit, unpacked_layer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkboard.events import Job
    from lkboard.model.extents import FileSpan, Inline
    from lkboard.model.image import ResolvedImage
    from lkboard.model.rootfs import Entry, Loss
    from lkboard.oci.store.store import Store

WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_AUFS = ".wh..wh."
"""Names with this prefix, but for the opaque marker, are left-overs of aufs and mean nothing."""

_PATHS_LIMIT = 256 << 20
"""Characters of all paths of an image."""

_CHECK_INTERVAL = 256


def flatten(image: ResolvedImage, store: Store, job: Job) -> tuple[Entry, ...]:
    """Return what an image's root holds: paths relative to it, parents before children, contents inside the layers.

    The layers must be in the store. Raises `LayerInvalid` naming image, layer and entry, and `Cancelled`.
    """
    return tuple(entries_of(walk(flatten_tree(image, store, job).root.children or {})))


def flatten_tree(
    image: ResolvedImage,
    store: Store,
    job: Job,
    *,
    location: str = "",
    epoch: int = EPOCH,
    losses: list[Loss] | None = None,
) -> FileTree:
    """Return an image's root as a tree; its entries come from ``location`` in the config. Raises as `flatten` does.

    ``losses`` grows with what upper layers take away from lower ones.
    """
    reference = str(image.reference)
    tree = FileTree(Origin(reference, location), epoch, losses)
    with advising(BROKEN_IMAGE):
        for rank, (layer, diff_id) in enumerate(diff_layers(image), start=1):
            source = unpacked_layer(store, layer, diff_id, image=reference, on_bytes=lambda _size: job.check())
            where = layer_name(reference, layer)
            origin = Origin(reference, location, layer.digest)
            applied = _Layer(tree, rank, where)
            applied.apply_all(read_tar(source, where=where, origin=origin), job)
            applied.check_size(size_limit(layer.size))
        _check_paths(tree, reference)
    return tree


def tar_tree(source: FileSpan | Inline, *, where: str, origin: Origin, job: Job, epoch: int = EPOCH) -> FileTree:
    """Return the files of a plain tar archive as a tree. Raises `LayerInvalid`, naming ``where``, and `Cancelled`."""
    tree = FileTree(origin, epoch)
    applied = _Layer(tree, 1, where)
    applied.apply_all(read_tar(source, where=where, origin=origin), job)
    applied.check_size(size_limit(source.size))
    _check_paths(tree, where)
    return tree


def _check_paths(tree: FileTree, where: str) -> None:
    """Refuse paths that Linux does not take, and too many long ones: with symbolic links short names make both."""
    total = 0
    for path, _node in walk(tree.root.children or {}):
        total += len(path)
        if len(path) > PATH_LIMIT:
            raise LayerInvalid(f"the path {path[:80]!r}… has more than {PATH_LIMIT} characters", where=where)
        if total > _PATHS_LIMIT:
            raise LayerInvalid(f"all paths together have more than {_PATHS_LIMIT >> 20} MiB", where=where)


def archive_tree(entries: Iterable[Entry], *, where: str, job: Job) -> FileTree:
    """Return the entries of any archive as a tree, as they would be unpacked. Raises as `tar_tree` does."""
    tree = FileTree(Origin("", ""))
    _Layer(tree, 1, where).apply_all(entries, job)
    return tree


class _Layer:
    """One layer on its way into the tree."""

    def __init__(self, tree: FileTree, rank: int, where: str) -> None:
        self._tree = tree
        self._rank = rank
        self._where = where
        self._early_links: list[tuple[str, Entry]] = []
        self._size = 0

    def apply_all(self, entries: Iterable[Entry], job: Job) -> None:
        """Do what the entries say; hard links whose targets come after them are made at the end."""
        for count, entry in enumerate(entries):
            if count % _CHECK_INTERVAL == 0:
                job.check()
            self._apply(entry)
        for path, entry in self._early_links:
            if not self._link(path, entry):
                raise self._fault(entry, f"is a hard link to {entry.link!r}, which is not a file of the image")

    def check_size(self, limit: int) -> None:
        """Refuse files that are sparse beyond all measure."""
        if self._size > limit:
            message = f"the files in it have {self._size >> 20} MiB, far more than itself"
            raise LayerInvalid(message, where=self._where, hint=BOMB)

    def _apply(self, entry: Entry) -> None:
        path = self._inside(entry.path, entry)
        self._size += entry.content.size
        try:
            folder, _, name = path.rpartition("/")
            if name.startswith(WHITEOUT):
                self._white_out(folder, name, entry)
            elif entry.kind is not Kind.HARDLINK:
                self._tree.add(path, entry, self._rank)
            elif not self._link(path, entry):
                self._early_links.append((path, entry))
        except Loop as error:
            raise self._loop(entry, error) from error

    def _link(self, path: str, entry: Entry) -> bool:
        try:
            return self._tree.link(path, self._inside(entry.link, entry), self._rank)
        except Loop as error:
            raise self._loop(entry, error) from error

    def _white_out(self, folder: str, name: str, entry: Entry) -> None:
        if name == _OPAQUE:
            self._tree.white_out_children(folder, self._rank, entry.origin)
        elif not name.startswith(_AUFS):
            hidden = name.removeprefix(WHITEOUT)
            if hidden in {"", ".", ".."}:
                raise self._fault(entry, "is a whiteout of nothing")
            self._tree.white_out(posixpath.join(folder, hidden), self._rank, entry.origin)

    def _inside(self, name: str, entry: Entry) -> str:
        path = clean(name)
        if path is None:
            link = f", a hard link to {entry.link!r}," if entry.kind is Kind.HARDLINK else ""
            raise LayerInvalid(
                f"the entry {entry.path!r}{link} leaves the root",
                where=self._where,
                hint="do not use this image: it tries to write outside of its own files",
            )
        return path

    def _loop(self, entry: Entry, error: Loop) -> LayerInvalid:
        return self._fault(entry, f"leads through a loop of symbolic links at '{error.path}'")

    def _fault(self, entry: Entry, what: str) -> LayerInvalid:
        return LayerInvalid(f"the entry {entry.path!r} {what}", where=self._where)
