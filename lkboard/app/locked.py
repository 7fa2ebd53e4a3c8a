"""Builds that keep to a lock: which lock it is, where what it names is taken from, and which programs it allows."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.app.assembly import Surroundings
from lkboard.errors import LockMismatch, UsageError
from lkboard.model.lock import LockedTool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.app.build_options import BuildOptions
    from lkboard.app.build_plan import BuildPlan
    from lkboard.events import Job
    from lkboard.formats.format import Format
    from lkboard.model.lock import Lock

LOCK_NAME = "lkboard.lock"


def lock_path(files: Sequence[str], given: str = "") -> Path:
    """Return where the lock of some config files is: as ``given``, else beside the first one.

    For standard input and URLs that is the current folder.
    """
    if given:
        return Path(given)
    first = files[0]
    return Path(LOCK_NAME) if first == "-" or "://" in first else Path(first).parent / LOCK_NAME


def lock_verb(path: str) -> tuple[str, ...]:
    """Return the verb that makes the lock at a path; empty is its usual place."""
    return ("lock", "-o", path) if path else ("lock",)


def remake_command(
    verb: Sequence[str],
    files: Sequence[str],
    *,
    boards: Sequence[str],
    formats: Sequence[str],
    architectures: Sequence[str],
) -> str:
    """Return the command that makes a lock or a vendored folder for some builds, as a user types it.

    Of addresses without what may be secret in them: the command is shown in messages.
    """
    from lkboard.config.sources import STDIN, shown

    words = ["lkboard", *verb, *(file if file == STDIN else shown(file) for file in files)]
    options = (("--board", boards), ("--format", formats), ("--arch", architectures))
    words += (word for option, values in options for value in values if value for word in (option, value))
    return shlex.join(words)


def surroundings_of(options: BuildOptions, architecture: str, job: Job) -> Surroundings:
    """Return what the steps of a build need: the user's store and registries, or a vendored folder and no network.

    Raises `UsageError`, `StoreUnusable`, and `BuildError` when a lock that is to be kept to cannot be read.
    """
    from lkboard.oci.store.store import open_store, open_vendored

    lock = _lock_of(options)
    if not options.vendored:
        return Surroundings(open_store(options.cache or None), options.registry.settings(), architecture, job, lock)
    if options.registry.always_pull:
        raise UsageError("--pull asks the registry, which --vendored forbids", hint="leave out one of them")
    settings = replace(options.registry, offline=True).settings()
    store = open_vendored(Path(options.vendored), options.cache or None)
    return Surroundings(store, replace(settings, is_vendored=True), architecture, job, lock)


def _lock_of(options: BuildOptions) -> Lock | None:
    from lkboard.board.catalogue import read_catalogue
    from lkboard.sources.lock_file import read_lock

    if options.lock is not None:
        path, verb = lock_path(options.files, options.lock), lock_verb(options.lock)
    elif options.vendored:
        path, verb = Path(options.vendored, LOCK_NAME), ("vendor", options.vendored)
    else:
        return None
    command = partial(
        remake_command, verb, options.files, formats=options.formats, architectures=[options.architecture]
    )
    lock = read_lock(path, remake=command(boards=[options.board]))
    if options.lock is not None:
        return lock
    # a folder is made anew as a whole, so that what it was made for must be named again
    boards = {file.board for file in lock.files} & set(read_catalogue().names())
    return replace(lock, remake=command(boards=sorted(boards | {options.board})))


def tools_of(format_: Format) -> tuple[LockedTool, ...]:
    """Return the programs that a format runs, as this machine has them. Raises `MissingTool`, `BuildError`."""
    from lkboard.formats.external_tool import installed

    return tuple(LockedTool(tool.name, installed(tool).version) for tool in format_.tools)


def check_tools(plan: BuildPlan, lock: Lock | None) -> None:
    """Raise `LockMismatch` when a program that a format runs is not of the locked version, and `MissingTool`."""
    if lock is None:
        return
    from lkboard.formats.external_tool import installed

    for tool in (tool for planned in plan.formats for tool in planned.format.tools):
        version, wanted = installed(tool).version, lock.version_of(tool.name)
        if wanted is None:
            raise LockMismatch(
                f"the lock has no program '{tool.name}'", where=lock.place, hint=f"lock it: {lock.remake}"
            )
        if version != wanted:
            raise LockMismatch(
                f"the program '{tool.name}' is version {version}, and the lock has {wanted}",
                where=lock.place,
                hint=f"install {tool.package} {wanted}, or lock this one: {lock.remake}",
            )
