"""Which version of each package the kit takes: the newest, or the one in the lock."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.architecture import host_architecture
from lkboard.model.package import Package
from lkboard.sources.lock_file import read_lock

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.sources.apt.packages import DebianPackages

Wanted = Sequence[tuple[str, str]]
"""Architectures and names of packages, in a fixed order."""
Chosen = dict[tuple[str, str], Package]
"""Packages by architecture and wanted name."""
_DEBIAN_NAMES = {"arm": "armhf", "386": "i386"}


def own_architecture() -> str:
    """Return this machine's architecture in Debian's names, where they are not Go's."""
    name = host_architecture()
    return _DEBIAN_NAMES.get(name, name)


def newest_packages(packages: DebianPackages, wanted: Wanted) -> Chosen:
    """Return the newest versions that the mirrors have. Raises `BuildError` and `MissingTool`."""
    chosen: Chosen = {}
    for architecture in sorted({architecture for architecture, _ in wanted}):
        names = [name for of, name in wanted if of == architecture]
        for name, package in zip(names, packages.newest(names, architecture), strict=True):
            chosen[architecture, name] = package
    return chosen


def locked_packages(path: Path, wanted: Wanted) -> Chosen:
    """Return the versions in a lock. Raises `BuildError` when it is no lock, or lacks a package."""
    lock = read_lock(path, remake=f"lkboard kit build --lock {shlex.quote(str(path))}")
    chosen: Chosen = {}
    for architecture, name in wanted:
        versions = lock.packages_of(name, architecture)
        if not versions:
            raise BuildError(
                f"the lock has no package '{name}' for {architecture}", where=path, hint=f"make it anew: {lock.remake}"
            )
        chosen[architecture, name] = versions[0]
    return chosen
