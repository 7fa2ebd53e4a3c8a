"""Builds that keep to a lock: which lock it is, and what it says about programs of this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import LockMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.app.build_plan import BuildOptions, BuildPlan
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


def lock_command(
    files: Sequence[str],
    *,
    boards: Sequence[str] = (),
    formats: Sequence[str] = (),
    architectures: Sequence[str] = (),
    path: str = "",
) -> str:
    """Return the command that makes a lock, as a user types it."""
    words = ["lkboard", "lock", *files]
    options = (("--board", boards), ("--format", formats), ("--arch", architectures), ("-o", (path,)))
    words += (word for option, values in options for value in values if value for word in (option, value))
    return shlex.join(words)


def lock_of(options: BuildOptions) -> Lock | None:
    """Return the lock that a build has to keep to, None when it need not. Raises `BuildError`."""
    if options.lock is None:
        return None
    from lkboard.sources.lock_file import read_lock

    remake = lock_command(
        options.files,
        boards=[options.board],
        formats=options.formats,
        architectures=[options.architecture],
        path=options.lock,
    )
    return read_lock(lock_path(options.files, options.lock), remake=remake)


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
