"""A root that can be compared with others: its paths, and which containers are in it."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lkboard.disk import content as contents
from lkboard.errors import BuildError
from lkboard.model.rootfs import Kind
from lkboard.rootfs.kernel import BOOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lkboard.model.rootfs import Entry

REST = "/"
"""The part of a system that everything belongs to which is in no container, no volume and not in ``boot``."""

_CONTAINERS = "containers"
_SECTIONS = ("onboot", "onshutdown", "services")
_VOLUMES = "volumes"
_CONFIG, _RUNTIME = "config.json", "runtime.json"
_BUNDLE = re.compile(f"{_CONTAINERS}/({'|'.join(_SECTIONS)})/(.+)/{_CONFIG}", re.DOTALL)
_READ_LIMIT = 4 << 20
_NUMBER = re.compile(r"\d{3,}-")


@dataclass(frozen=True)
class Bundle:
    """A container in a root: ``part`` is its section and name, without the number that says when it runs.

    ``image`` is the reference of its image, with the digest if that is known; empty if the root does not say it.
    """

    path: str
    part: str
    config: dict[str, Any]
    runtime: dict[str, Any]
    image: str = ""


@dataclass(frozen=True)
class Tree:
    """The entries of a root by path, those that are implied included, and where it is from (``name``, for errors).

    ``images`` gives the digest of an image's reference. ``boot_files`` are the only paths below ``boot`` of which this
    root can tell whether they are there; None for all. ``has_attributes``: extended attributes are known.
    """

    name: str
    entries: Mapping[str, Entry]
    images: Mapping[str, str]
    boot_files: frozenset[str] | None = None
    has_attributes: bool = True

    @cached_property
    def bundles(self) -> dict[str, Bundle]:
        """The containers by part, in their order. Raises `BuildError` when a document is no JSON."""
        bundles: dict[str, Bundle] = {}
        for section, path in _bundle_paths(self.entries):
            name = posixpath.relpath(path, f"{_CONTAINERS}/{section}")
            part = _free(f"{section}/{_NUMBER.sub('', name, count=1) if section != _SECTIONS[-1] else name}", bundles)
            config, runtime = (self._document(f"{path}/{file}") for file in (_CONFIG, _RUNTIME))
            bundles[part] = Bundle(path, part, config, runtime, self._image(path))
        return bundles

    @cached_property
    def parts(self) -> dict[str, str]:
        """What each path belongs to."""
        by_path = {bundle.path: bundle.part for bundle in self.bundles.values()}
        return {path: _part_of(path, by_path) for path in self.entries}

    @cached_property
    def names(self) -> dict[str, str]:
        """The paths by the names under which they are compared: a container's number does not count."""
        by_part = {part: bundle.path for part, bundle in self.bundles.items()}
        return {_comparable(path, part, by_part.get(part)): path for path, part in self.parts.items()}

    def tells(self, path: str) -> bool:
        """Return whether this root can tell if there is something at a path."""
        return self.boot_files is None or path in self.boot_files or not path.startswith(f"{BOOT}/")

    def file(self, path: str) -> Entry:
        """Return the entry at a path; of a hard link the one that has its contents."""
        entry = self.entries[path]
        return self.entries[entry.link] if entry.kind is Kind.HARDLINK else entry

    def read(self, path: str) -> bytes:
        """Return the bytes of a small file. Raises `BuildError`, also when it is large."""
        content = self.file(path).content
        if content.size > _READ_LIMIT:
            raise BuildError(f"'/{path}' has more than {_READ_LIMIT >> 20} MiB", where=self.name)
        return contents.read(content)

    def _image(self, path: str) -> str:
        source = self.entries[f"{path}/{_CONFIG}"].origin.source
        digest = self.images.get(source)
        return f"{source}@{digest}" if digest and "@" not in source else source

    def _document(self, path: str) -> dict[str, Any]:
        """Return a JSON object; an empty one when the file is missing, as the init takes it for runtime.json."""
        if path not in self.entries:
            return {}
        try:
            document = json.loads(self.read(path))
        except (ValueError, RecursionError) as error:
            raise BuildError(f"'/{path}' is not JSON: {error}", where=self.name) from error
        return document if isinstance(document, dict) else {}


def _bundle_paths(entries: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
    """Yield section and path of each folder that has a config.json; what looks like one inside another is none."""
    sections = {posixpath.dirname(path): match[1] for path in entries if (match := _BUNDLE.fullmatch(path))}
    for path, section in sorted(sections.items()):
        if not any(folder in sections for folder in _folders_above(path)):
            yield section, path


def _folders_above(path: str) -> Iterator[str]:
    names = path.split("/")
    return ("/".join(names[:depth]) for depth in range(1, len(names)))


def _free(part: str, taken: Mapping[str, Bundle]) -> str:
    """Return a name as it is if nobody has it, else with a number: a container may run several times."""
    number = 1 + sum(name.partition("#")[0] == part for name in taken)
    return part if number == 1 else f"{part}#{number}"


def _part_of(path: str, bundles: Mapping[str, str]) -> str:
    first, _, rest = path.partition("/")
    if first == BOOT:
        return BOOT
    if first != _CONTAINERS or "/" not in rest:
        return REST
    names = path.split("/")
    if names[1] == _VOLUMES:
        return "/".join(names[1:3])
    folders = ("/".join(names[:depth]) for depth in range(3, len(names) + 1))
    return next((bundles[folder] for folder in folders if folder in bundles), REST)


def _comparable(path: str, part: str, bundle: str | None) -> str:
    return path if bundle is None else f"{_CONTAINERS}/{part}{path.removeprefix(bundle)}"
