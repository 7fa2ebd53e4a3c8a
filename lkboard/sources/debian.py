"""Files of Debian packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk.content import digest
from lkboard.errors import BuildError, LockMismatch, Offline, StoreCorrupt
from lkboard.sources.locked import remake_hint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.board import DebianSource
    from lkboard.model.extents import Content
    from lkboard.model.lock import Lock
    from lkboard.model.package import Package
    from lkboard.sources.apt.packages import DebianPackages
    from lkboard.sources.context import SourceContext


def find(source: DebianSource, sha256: str, architecture: str, context: SourceContext) -> Content | None:
    """Return a file of the package that `choose` returns, None when it has no such file. Raises as that does."""
    package = choose(source, sha256, architecture, context)
    return None if package is None else _file_of(package, source, context)


def choose(source: DebianSource, sha256: str, architecture: str, context: SourceContext) -> Package | None:
    """Return a locked version of a package, or without a lock one that the store has, else the newest.

    With ``sha256``, a version whose file has other bytes is passed over as long as there is a further one. The package
    is in the store then. Raises `BuildError`, `MissingTool`, and `LockMismatch` when the lock has no such package.
    """
    name, architecture = source.package, source.architecture or architecture
    if context.lock is None:
        versions = _versions(name, architecture, context.packages, is_pinned=bool(sha256))
    else:
        versions = _locked_versions(name, architecture, context, context.lock)
    chosen = None
    for package in versions:
        content = _file_of(package, source, context)
        if content or chosen is None:
            chosen = package
        if content and (not sha256 or digest(content) == f"sha256:{sha256}"):
            break
    return chosen


def _file_of(package: Package, source: DebianSource, context: SourceContext) -> Content | None:
    entry = context.packages.open(package).find(source.path)
    return entry.content if entry else None


def _versions(name: str, architecture: str, packages: DebianPackages, *, is_pinned: bool) -> Iterator[Package]:
    """Yield the versions in the store, latest first, then the mirrors' newest, which is asked for only if need be."""
    stored = [package for package in packages.stored(architecture) if package.name == name]
    for package in reversed(stored):
        packages.fetch([package])
        yield package
    if is_pinned or not stored:
        newest = packages.newest([name], architecture)
        packages.fetch(newest)
        yield from newest


def _locked_versions(name: str, architecture: str, context: SourceContext, lock: Lock) -> Iterator[Package]:
    versions = lock.packages_of(name, architecture)
    if not versions:
        raise LockMismatch(
            f"the lock has no Debian package '{name}' for {architecture}",
            where=lock.place,
            hint=f"lock it: {lock.remake}",
        )
    for package in versions:
        try:
            context.packages.fetch([package])
        except Offline as error:
            if context.registry.is_vendored:
                raise StoreCorrupt(
                    f"the Debian package '{name}' {package.version} is missing or damaged there",
                    where=context.store.root,
                    hint=remake_hint(lock),
                ) from error
            raise
        except BuildError as error:
            raise LockMismatch(
                f"the Debian package '{name}' {package.version}, which the lock names, cannot be had: {error.message}",
                where=lock.place,
                hint=f"lock what there is now: {lock.remake} --update {name}",
            ) from error
        yield package
