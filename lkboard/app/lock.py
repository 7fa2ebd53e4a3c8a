"""Lock: everything that a build of some configs would use is written down by digest.

options ─▶ targets + Config ─▶ images, packages (those of the old lock, unless they are to be updated) ─▶ files ─▶ Lock
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from lkboard.app.board_files import source_context
from lkboard.app.build_options import STDOUT
from lkboard.app.inputs import Inputs
from lkboard.app.locked import LOCK_NAME, lock_path, lock_verb, remake_command, tools_of
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import PlatformMissing, ReferenceInvalid, UsageError
from lkboard.model.lock import Lock, LockedFile, LockedImage, LockedPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from lkboard.app.assembly import Surroundings
    from lkboard.app.build_plan import BuildPlan
    from lkboard.events import Job
    from lkboard.model.board import Board, DebianSource
    from lkboard.model.image import Platform
    from lkboard.model.lock import LockedTool
    from lkboard.model.package import Package
    from lkboard.model.reference import Reference
    from lkboard.oci.registry.pull import Puller
    from lkboard.sources import SourceContext
    from lkboard.sources.locked import Image


@dataclass(frozen=True, slots=True)
class LockOptions:
    """What a user asks of a lock: one for all ``boards``, and for all ``formats`` in all ``architectures``.

    ``output`` is the lock's file (empty: beside the first config). What it has already stays, but for the images and
    packages named in ``update``; with ``registry.always_pull`` everything that the configs use is locked anew.
    """

    files: tuple[str, ...]
    boards: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    output: str = ""
    update: tuple[str, ...] = ()
    cache: str = ""
    registry: RegistryOptions = field(default_factory=RegistryOptions)


@dataclass(frozen=True, slots=True)
class LockResult:
    """A lock that was written. ``used`` is the part of it that is for ``inputs``, ``changes`` say what is new in it."""

    lock: Lock
    used: Lock
    inputs: Inputs
    changes: tuple[str, ...]


def make_lock(options: LockOptions, job: Job, *, stdin: bytes | None = None) -> LockResult:
    """Resolve what builds would use, build nothing, and write the lock.

    Raises `UsageError`, `OutputError`, `ConfigError`, `BoardError`, `OciError`, `BuildError`, `Cancelled`; the old lock
    stays then.
    """
    from lkboard.app.assembly import Surroundings, read_config
    from lkboard.oci.store.store import open_store
    from lkboard.sources.lock_file import read_lock, update_lock

    path = lock_path(options.files, options.output)
    _check_place(path)
    remake = remake_command(
        lock_verb(options.output),
        options.files,
        boards=options.boards,
        formats=options.formats,
        architectures=options.architectures,
    )
    plans = _plans(options)
    config = read_config(options.files, None, stdin=stdin, job=job, web=options.registry.web)
    inputs = Inputs(config, _boards(plans), tuple(dict.fromkeys(plan.architecture for plan in plans)))
    update = _checked_names(options.update, inputs)
    old = read_lock(path, remake=remake) if path.exists() else Lock()
    old = replace(old, place=str(path), remake=remake)
    # of no single architecture: the inputs say which ones
    around = Surroundings(open_store(options.cache or None), options.registry.settings(), "", job)
    used = _Locker(old, update, around).lock(inputs, _tools(plans))
    lock = update_lock(path, partial(_joined, used=used), remake=remake)  # others may have added to it meanwhile
    return LockResult(lock, used, inputs, tuple(_changes(old, used)))


def _plans(options: LockOptions) -> tuple[BuildPlan, ...]:
    """Return the builds that a lock is for."""
    from lkboard.app.build_options import BuildOptions
    from lkboard.app.planning import plan_outputs

    builds = [BuildOptions(options.files, board=board) for board in options.boards]
    if options.formats or options.architectures or not options.boards:
        builds += (
            BuildOptions(options.files, formats=(name,) if name else (), architecture=architecture)
            for name in options.formats or ("",)
            for architecture in options.architectures or ("",)
        )
    return tuple(plan_outputs(build) for build in builds)


def _boards(plans: Iterable[BuildPlan]) -> tuple[Board, ...]:
    boards = (planned.board for plan in plans for planned in plan.formats)
    return tuple({board.id: board for board in boards if board}.values())


def _tools(plans: Iterable[BuildPlan]) -> tuple[LockedTool, ...]:
    tools = (tool for plan in plans for planned in plan.formats for tool in tools_of(planned.format))
    return tuple(dict.fromkeys(tools))


def _checked_names(names: Iterable[str], inputs: Inputs) -> frozenset[str]:
    """Return the images and packages that are to be updated, by canonical names. Raises `UsageError`."""
    from lkboard.model.suggest import suggest

    known = inputs.names()
    found = set()
    for name in names:
        meant = {name, _canonical(name)} & known
        if not meant:
            raise UsageError(f"neither an image nor a package '{name}' is used", hint=suggest(name, sorted(known)))
        found |= meant
    return frozenset(found)


def _canonical(name: str) -> str:
    from lkboard.model.reference import parse_reference

    try:
        return str(parse_reference(name))
    except ReferenceInvalid:
        return name


class _Locker:
    """Finds the digests of inputs: those in the old lock, but for names that are to be updated."""

    def __init__(self, old: Lock, update: frozenset[str], around: Surroundings) -> None:
        self._old = old
        self._update = update
        self._around = around

    def lock(self, inputs: Inputs, tools: tuple[LockedTool, ...]) -> Lock:
        """Return the lock of the inputs, and no more."""
        with self._around.job.step("Lock images"):
            images = self._images(inputs)
        with self._around.job.step("Lock board files"):
            context = source_context(self._around)
            packages = self._packages(inputs, context)
            draft = replace(self._old, images=images, packages=packages)
            # fetched exactly as builds with this lock will do it
            files = tuple(_locked_files(inputs, replace(context, lock=draft)))
        return replace(draft, files=files, tools=tools)

    def _is_new(self, name: str) -> bool:
        return self._around.settings.always_pull or name in self._update

    def _images(self, inputs: Inputs) -> tuple[LockedImage, ...]:
        from lkboard.oci.registry.workers import run_all

        uses: dict[Reference, list[Callable[[str], str]]] = {}
        for reference, platform in inputs.images():
            uses.setdefault(reference, []).append(partial(self._digest, reference, platform))
        for reference, platforms in inputs.whole_images():
            uses.setdefault(reference, []).append(partial(self._digest_of_whole, reference, platforms))
        tasks = [partial(_locked_image, reference, finds) for reference, finds in uses.items()]
        return tuple(run_all(tasks, self._around.job, parallel=self._around.settings.parallel, in_order=True))

    def _digest(self, reference: Reference, platform: Platform, found: str) -> str:
        image = self._resolved(reference, found, partial(self._puller(reference).resolve, platform=platform))
        return (image.index or image.manifest).digest

    def _digest_of_whole(self, reference: Reference, platforms: tuple[str, ...], found: str) -> str:
        resolve = partial(self._puller(reference).resolve_whole, platforms=platforms)
        return self._resolved(reference, found, resolve).top.digest

    def _resolved(self, reference: Reference, found: str, resolve: Callable[[Reference], Image]) -> Image:
        """Return an image as a build with the lock will find it.

        Its digest is what was ``found`` for another platform, else the kept one.
        """
        from lkboard.sources.locked import resolve_locked

        name = str(reference)
        kept = None if self._is_new(name) else self._old.digest_of(name)
        digest = found or kept
        lock = replace(self._old, images=(LockedImage(name, digest),)) if digest else None
        try:
            return resolve_locked(reference, resolve, lock)
        except PlatformMissing as error:
            if kept:
                newer = f"the lock keeps {kept}; to take what there is now: {self._old.remake} --update {reference}"
                error.hint = f"{error.hint}; {newer}" if error.hint else newer
            raise

    def _puller(self, reference: Reference) -> Puller:
        from lkboard.oci.registry.pull import Puller

        settings = replace(self._around.settings, always_pull=self._is_new(str(reference)))
        return Puller(self._around.store, settings, self._around.job)

    def _packages(self, inputs: Inputs, context: SourceContext) -> tuple[LockedPackage, ...]:
        found = {
            LockedPackage(source.package, package): None
            for source, architecture, sha256 in inputs.packages()
            for package in self._versions(source, architecture, sha256, context)
        }
        return tuple(found)

    def _versions(
        self, source: DebianSource, architecture: str, sha256: str, context: SourceContext
    ) -> tuple[Package, ...]:
        """Return the versions of a package that may be used: kept, or the newest, or what a build would take."""
        from lkboard.sources import debian

        if self._is_new(source.package):
            return context.packages.newest([source.package], architecture)
        kept = self._old.packages_of(source.package, architecture)
        return kept or tuple(filter(None, [debian.choose(source, sha256, architecture, context)]))


def _locked_image(reference: Reference, finds: Iterable[Callable[[str], str]]) -> LockedImage:
    """Return an image by the one digest that is right for all its uses: each is given what the last one found."""
    digest = ""
    for find in finds:
        digest = find(digest)
    return LockedImage(str(reference), digest)


def _check_place(path: Path) -> None:
    """Find out now, not after all downloads, that the lock cannot be written."""
    from lkboard.disk.output import check_place

    if str(path) == STDOUT:
        raise UsageError(
            "the lock is a file that is kept, not for standard output", hint=f"name a file: -o {LOCK_NAME}"
        )
    check_place(path)


def _locked_files(inputs: Inputs, context: SourceContext) -> Iterator[LockedFile]:
    from lkboard.disk.content import digest
    from lkboard.sources import fetch

    for board, file in inputs.files():
        content = fetch(file, architecture=board.architecture, context=context)
        if content is not None:
            yield LockedFile(board.id, file.to, digest(content).removeprefix("sha256:"), file.licence)


def _joined(old: Lock, used: Lock) -> Lock:
    """Return the old lock with what is used in the place of what it had for the same images, packages and boards."""
    references = {image.reference for image in used.images}
    packages = {(locked.wanted, locked.package.architecture) for locked in used.packages}
    boards = {file.board for file in used.files}
    tools = {tool.name for tool in used.tools}
    return replace(
        used,
        images=used.images + tuple(image for image in old.images if image.reference not in references),
        packages=used.packages
        + tuple(one for one in old.packages if (one.wanted, one.package.architecture) not in packages),
        files=used.files + tuple(file for file in old.files if file.board not in boards),
        tools=used.tools + tuple(tool for tool in old.tools if tool.name not in tools),
    )


def _changes(old: Lock, used: Lock) -> Iterator[str]:
    for image in used.images:
        if image not in old.images:
            yield f"{image.reference} {image.digest}"
    for locked in used.packages:
        if locked not in old.packages:
            yield f"{locked.wanted} {locked.package.version} ({locked.package.architecture})"
    before = {(file.board, file.to): file.sha256 for file in old.files}
    for file in used.files:
        if before.get((file.board, file.to), file.sha256) != file.sha256:
            yield f"{file.to} of {file.board} sha256:{file.sha256}"
    for tool in used.tools:
        if tool not in old.tools:
            yield f"{tool.name} {tool.version}"
