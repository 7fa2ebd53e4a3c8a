"""Which version of each package the kit takes: the newest, or the one in the lock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.kit.lock import Lock, read_lock
from lkboard.model.architecture import host_architecture

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.sources.apt.packages import DebianPackages

Wanted = Sequence[tuple[str, str]]
"""Architectures and names of packages, in a fixed order."""
_DEBIAN_NAMES = {"arm": "armhf", "386": "i386"}


def own_architecture() -> str:
    """Return this machine's architecture in Debian's names, where they are not Go's."""
    name = host_architecture()
    return _DEBIAN_NAMES.get(name, name)


def newest_packages(packages: DebianPackages, wanted: Wanted) -> Lock:
    """Return the newest versions that the mirrors have. Raises `BuildError` and `MissingTool`."""
    chosen: Lock = {}
    for architecture in sorted({architecture for architecture, _ in wanted}):
        names = [name for of, name in wanted if of == architecture]
        for name, package in zip(names, packages.newest(names, architecture), strict=True):
            chosen[architecture, name] = package
    return chosen


def locked_packages(lock: Path, wanted: Wanted) -> Lock:
    """Return the versions in a lock. Raises `BuildError` when it is no lock, or lacks a package."""
    recorded = read_lock(lock)
    for architecture, name in wanted:
        if (architecture, name) not in recorded:
            raise BuildError(
                f"the lock has no package '{name}' for {architecture}",
                where=lock,
                hint=f"make it anew: lkboard kit build --lock {lock}",
            )
    return {key: recorded[key] for key in wanted}
