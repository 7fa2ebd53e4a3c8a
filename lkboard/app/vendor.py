"""Vendor: everything that a locked build reads goes into one folder, an OCI layout that needs no network.

options ─make_lock─▶ Lock ─▶ images, packages and files in the store ─▶ their blobs in a new folder ─▶ its place
"""

from __future__ import annotations

import os
import shlex
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.app.lock import LockOptions, make_lock
from lkboard.app.locked import LOCK_NAME
from lkboard.errors import OutputError, UsageError
from lkboard.model.board import UrlSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lkboard.app.inputs import Inputs
    from lkboard.app.lock import LockResult
    from lkboard.events import Job
    from lkboard.model.image import Descriptor, Platform, ResolvedImage, WholeImage
    from lkboard.model.lock import Lock
    from lkboard.model.package import Package
    from lkboard.model.reference import Reference
    from lkboard.oci.store.blobs import Blobs
    from lkboard.oci.store.store import Store

STEP = "Copy into the folder"
_OURS = {"blobs", "index.json", "oci-layout", LOCK_NAME, ".lkboard", ".lock"}
"""What a folder that was made here holds, also after builds from it."""


@dataclass(frozen=True, slots=True)
class VendorResult:
    """A folder that builds can be made from, and its lock. ``size_bytes`` is that of all blobs in it."""

    path: str
    lock: Lock
    blobs: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Load:
    """What goes into a folder: named images, all blobs by digest, and what is listed otherwise."""

    names: Mapping[str, Descriptor]
    parts: Mapping[str, Descriptor]
    packages: tuple[Package, ...]
    files: tuple[Descriptor, ...]
    lock: Lock


def vendor(directory: str, options: LockOptions, job: Job, *, stdin: bytes | None = None) -> VendorResult:
    """Lock some configs, fetch all that builds with the lock read, and put it into a folder that has nothing else.

    A folder that was made here before is replaced as a whole. Raises as `make_lock` does, and `OutputError`.
    """
    from lkboard.disk.folders import replacing_folder
    from lkboard.oci.store.store import open_store

    store = open_store(options.cache or None)
    target = Path(os.path.realpath(directory))
    _check_target(target, store)
    result = make_lock(options, job, stdin=stdin)
    load = _collect(result, options, store, job)
    with _explained(target), replacing_folder(target) as folder:
        _fill(folder, load, store, job)
        sizes = [path.stat().st_size for path in folder.glob("blobs/*/*")]
        _check_target(target, store)  # much time has passed
    return VendorResult(directory, load.lock, len(sizes), sum(sizes))


def _check_target(target: Path, store: Store) -> None:
    if not target.parent.is_dir():
        raise OutputError(
            "there is no such folder", where=target.parent, hint=f"mkdir -p {shlex.quote(str(target.parent))}"
        )
    if not os.access(target.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise OutputError(
            "nothing may be made in this folder",
            where=target.parent,
            hint="name a folder in another place, or change the permissions of this one",
        )
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError("this is a file, not a folder", where=target, hint="name a new folder")
    if target == Path(os.path.realpath(store.root)):
        raise UsageError("this is the store that is copied from", where=target, hint="name a new folder")
    there = {path.name for path in target.iterdir()}
    if there and not (LOCK_NAME in there and there <= _OURS):
        other = min(there - _OURS, default="no lock")
        raise OutputError(
            f"the folder was not made by 'lkboard vendor': it has {other}", where=target, hint="name a new folder"
        )


def _collect(result: LockResult, options: LockOptions, store: Store, job: Job) -> _Load:
    """Bring into the store what the lock names, and return all of it."""
    from lkboard.oci.registry.pull import Puller
    from lkboard.oci.registry.workers import run_all
    from lkboard.oci.store.blobs import stored
    from lkboard.sources.apt.shelf import describe
    from lkboard.sources.locked import resolve_locked

    settings = options.registry.settings()
    puller = Puller(store, settings, job)
    blobs = stored(store)

    def image(reference: Reference, platform: Platform) -> ResolvedImage:
        return puller.with_sboms(resolve_locked(reference, partial(puller.resolve, platform=platform), result.used))

    def layout(reference: Reference, platforms: tuple[str, ...]) -> WholeImage:
        return resolve_locked(reference, partial(puller.resolve_whole, platforms=platforms), result.used)

    with job.step("Resolve images"):
        tasks = [partial(image, *use) for use in result.inputs.images()]
        images = run_all(tasks, job, parallel=settings.parallel, in_order=True)
        wholes = [partial(layout, *use) for use in result.inputs.whole_images()]
        layouts = run_all(wholes, job, parallel=settings.parallel, in_order=True)
    puller.fetch([*images, *layouts])
    packages = tuple(locked.package for locked in result.used.packages)
    files = tuple(_web_files(result.inputs, store))
    parts = [part for image in images for part in _parts(image, blobs)]
    parts += (part for layout in layouts for part in (*layout.documents, *layout.layers))
    parts += map(describe, packages)
    names = {str(image.reference): image.index or image.manifest for image in images}
    names |= {str(layout.reference): layout.top for layout in layouts}
    return _Load(names, {part.digest: part for part in (*parts, *files)}, packages, files, result.used)


def _parts(image: ResolvedImage, blobs: Blobs) -> Iterator[Descriptor]:
    """Yield what a build reads of an image: the indexes that lead to it, itself, and its bills of materials."""
    from lkboard.oci.store.graph import closure, members

    for member in members(image.index or image.manifest, blobs, image.reference):
        if member.manifest.digest == image.manifest.digest:
            yield from member.indexes
    below = (*closure(image.manifest, blobs).values(), *image.attestations, *image.sboms)
    yield from (part for part in below if blobs.has(part))


def _web_files(inputs: Inputs, store: Store) -> Iterator[Descriptor]:
    from lkboard.oci.servers.urls import shown
    from lkboard.sources.web_files import describe

    for _board, file in inputs.files():
        if isinstance(file.source, UrlSource):
            digest = f"sha256:{file.sha256}"
            size = store.blob_path(digest).stat().st_size
            yield describe(shown(file.source.url), digest, size)


def _fill(folder: Path, load: _Load, source: Store, job: Job) -> None:
    from lkboard.oci.store.blobs import stored
    from lkboard.oci.store.copy import copy_parts
    from lkboard.oci.store.meter import Meter
    from lkboard.oci.store.store import Store
    from lkboard.sources.apt.shelf import Shelf
    from lkboard.sources.lock_file import write_lock
    from lkboard.sources.web_files import list_files

    target = Store(folder)
    with job.step(STEP):
        target.make_layout(job)
        total = sum(part.size for part in load.parts.values())
        copy_parts(load.parts.values(), stored(source), target, Meter(job, STEP, total), job)
        for name, root in sorted(load.names.items()):
            target.set_name(name, root, job)
        for architecture in sorted({package.architecture for package in load.packages}):
            own = sorted(package for package in load.packages if package.architecture == architecture)
            Shelf(target, job).add(own, architecture)
        list_files(target, load.files, job)
    write_lock(folder / LOCK_NAME, load.lock)
    shutil.rmtree(target.private)
    (folder / ".lock").unlink(missing_ok=True)


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Say which folder it is that the system refuses to make or to replace."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"the folder cannot be written: {error.strerror}",
            where=error.filename or target,
            hint="free some space, or name a folder in another place",
        ) from error
