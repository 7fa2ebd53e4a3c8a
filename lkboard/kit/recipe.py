"""What an image of the kit is made of, as data: its packages, its settings and the function that lays out its files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.kit.libraries import library_closure
from lkboard.kit.tree import DATA, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lkboard.events import Job
    from lkboard.kit.tree import Tree
    from lkboard.model.board import Board
    from lkboard.model.extents import Content
    from lkboard.model.package import Package
    from lkboard.sources.archive import Archive


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a recipe may use: its packages by the names it asked for, busybox's applets, the boards to serve."""

    architecture: str
    packages: Mapping[str, Package]
    archives: Mapping[str, Archive]
    applets: Sequence[str]
    boards: Sequence[Board]
    job: Job

    def only(self, names: Sequence[str]) -> Ingredients:
        """Return the ingredients with no packages but these."""
        return replace(
            self,
            packages={name: self.packages[name] for name in names},
            archives={name: self.archives[name] for name in names},
        )

    def content(self, package: str, path: str) -> Content:
        """Return a file of a package. Raises `BuildError` when the package does not have it."""
        return file_of(self.archives[package], path)

    def install(self, tree: Tree, package: str, path: str, to: str, mode: int = DATA) -> None:
        """Copy a file of a package into an image. Raises `BuildError` when the package does not have it."""
        tree.file(to, self.content(package, path), mode)

    def install_program(self, tree: Tree, package: str, path: str, to: str) -> None:
        """Copy a program into an image, with the loader and all libraries that it needs. Raises `BuildError`."""
        self.install(tree, package, path, to, PROGRAM)
        libraries = library_closure([self.content(package, path)], self.archives.values())
        for library_path, content in libraries.items():
            tree.file(library_path, content, PROGRAM)


@dataclass(frozen=True, slots=True)
class Recipe:
    """An image of the kit.

    ``packages`` are names of Debian packages, in which ``{architecture}`` is filled in, with their licences as SPDX
    expressions; ``own_licence`` is that of files that lkboard adds, empty when it adds none. ``container`` are its
    LinuxKit settings, the label ``org.mobyproject.config`` (build.md section 3.4).
    """

    name: str
    title: str
    packages: Mapping[str, str]
    make: Callable[[Tree, Ingredients], None]
    own_licence: str = ""
    entrypoint: tuple[str, ...] = ()
    container: Mapping[str, object] = field(default_factory=dict)

    def package_names(self, architecture: str) -> tuple[str, ...]:
        """Return the names of its packages for an architecture."""
        return tuple(name.format(architecture=architecture) for name in self.packages)

    @property
    def licences(self) -> str:
        """The SPDX expression for the whole."""
        licences = dict.fromkeys(filter(None, (*self.packages.values(), self.own_licence)))
        return " AND ".join(f"({one})" if " OR " in one else one for one in licences)


def file_of(archive: Archive, path: str) -> Content:
    """Return a file that a package must have. Raises `BuildError`."""
    entry = archive.find(path)
    if entry is None:
        raise BuildError(f"the Debian package '{archive.name}' has no file '{path}'")
    return entry.content
