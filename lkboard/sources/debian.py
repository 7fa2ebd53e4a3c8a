"""Files of Debian packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk.content import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.board import DebianSource
    from lkboard.model.extents import Content
    from lkboard.sources.apt.packages import DebianPackages
    from lkboard.sources.apt.shelf import Package
    from lkboard.sources.context import SourceContext


def find(source: DebianSource, sha256: str, architecture: str, context: SourceContext) -> Content | None:
    """Return a file of a package: of a version that the store has, else of the newest. None when it has no such file.

    With ``sha256``, a version whose file has other bytes is passed over as long as there is a further one. Raises
    `BuildError` and `MissingTool`.
    """
    content = None
    for package in _versions(
        source.package, source.architecture or architecture, context.packages, is_pinned=bool(sha256)
    ):
        entry = context.packages.open(package).find(source.path)
        content = entry.content if entry else content
        if content and (not sha256 or digest(content) == f"sha256:{sha256}"):
            break
    return content


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
