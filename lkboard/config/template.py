"""Templates: ``@pkg:PATH`` in a config stands for the image that LinuxKit builds of a package (build.md section 2.6).

Only the name is found out: a package's ``build.yml`` says what the image is called, git which version it is. LinuxKit
leaves a template as it is when something is wrong with it, and does not know absolute paths or the field ``tag``; here
they work, and what is wrong is said (build.md section 10, 3).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.config import git
from lkboard.config.reader import Reader
from lkboard.config.schema import Field, ListOf, Record, Text
from lkboard.config.sources import Unreadable, folder_of, read_text
from lkboard.config.values import InvalidValue
from lkboard.errors import ReferenceInvalid
from lkboard.model.reference import parse_reference
from lkboard.yaml.nodes import Mapping, read_document

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.config.reader import Resolve
    from lkboard.errors import Problem

_DESCRIPTION = "build.yml"
_HASH = re.compile(r"\{\{\s*\.Hash\s*\}\}")
_NO_HASH = "latest"
_SHORT_HASH = 7
_UNUSED = frozenset(["arches", "buildArgs", "config", "depends", "disable-cache", "dockerfile", "gitrepo", "network"])
"""Fields that say how the image is built, not what it is called (cli.md section 6.2)."""


@dataclass(frozen=True, slots=True)
class Package:
    """What decides about the name of a package's image. ``tag`` is a text with ``{{.Hash}}`` for the hash."""

    image: str
    org: str = "linuxkit"
    tag: str = "{{.Hash}}"
    extra_sources: tuple[str, ...] = ()


_PACKAGE = Record(
    (
        Field("image", Text(), "name of the image", required=True),
        Field("org", Text(), "what stands before it"),
        Field("tag", Text(), "its tag; {{.Hash}} stands for the hash"),
        Field("extra-sources", ListOf(Text()), "SOURCE:DESTINATION, further folders it is built from", "extra_sources"),
    ),
    lambda values, _places: Package(**values),
)


def resolver_for(name: str) -> Resolve | None:
    """Return what resolves the templates of a source (see `lkboard.config.sources`), None for one on a web server."""
    folder = folder_of(name)
    return None if folder is None else Templates(folder).resolve


class Templates:
    """Finds the images that packages are built to; ``folder`` is where relative paths begin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}

    def resolve(self, path: str) -> str:
        """Return the canonical reference of a package's image. Raises `InvalidValue`."""
        if path not in self._known:
            self._known[path] = _image_of(self._package_folder(path))
        return self._known[path]

    def _package_folder(self, path: str) -> Path:
        # an absolute path begins at the config's folder for LinuxKit
        below = self._folder / path.lstrip("/")
        folder = self._folder / path
        return below if _is_folder(below) and not _is_folder(folder) else folder


def _image_of(folder: Path) -> str:
    package = _read(folder)
    tag = _HASH.sub(_package_hash(folder, package), package.tag)
    if "{{" in tag:
        raise InvalidValue(
            f"the tag '{package.tag}' of '{folder}' is not understood", "use nothing but {{.Hash}} in it"
        )
    name = f"{package.org}/{package.image}:{tag or _NO_HASH}"
    try:
        return str(parse_reference(name))
    except ReferenceInvalid as error:
        raise InvalidValue(
            f"'{folder / _DESCRIPTION}' gives the name '{name}', which is none", error.hint or ""
        ) from error


def _read(folder: Path) -> Package:
    path = folder / _DESCRIPTION
    try:
        node, problems = read_document(read_text(str(path)), str(path), "config")
    except Unreadable as error:
        raise _fault(error.problem) from error
    reader = Reader()
    if isinstance(node, Mapping):
        node = Mapping(node.place, tuple(pair for pair in node.pairs if pair[0].text not in _UNUSED), node.weight)
    package: Package | None = reader.read(node, _PACKAGE) if node else None
    for problem in (*problems, *reader.problems):
        raise _fault(problem)
    assert package is not None
    return package


def _package_hash(folder: Path, package: Package) -> str:
    """Return what tells the versions of a package apart (cli.md section 6.3); empty outside of a git repository."""
    sources = [_source_hash(folder, source) for source in package.extra_sources]
    if not git.is_tracked(folder):
        return ""
    found = git.tree_hash(folder)
    if sources:
        found = hashlib.sha1("".join((found, *sources)).encode(), usedforsecurity=False).hexdigest()
    return f"{found}-dirty-{git.content_hash(folder)[:_SHORT_HASH]}" if git.is_dirty(folder) else found


def _source_hash(folder: Path, text: str) -> str:
    source, colon, destination = text.partition(":")
    if not colon or ":" in destination:
        raise InvalidValue(f"'{folder}' has the extra source '{text}'", "write SOURCE:DESTINATION")
    path = folder / source
    if not _is_folder(path) or not git.is_tracked(path):
        raise InvalidValue(f"the extra source '{path}' is not a folder in a git repository", "commit it")
    return git.tree_hash(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long
        return False


def _fault(problem: Problem) -> InvalidValue:
    return InvalidValue(" ".join(f"{problem.place}: {problem.message}".splitlines()), problem.hint)
