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
from lkboard.model.rootfs import Kind, Origin
from lkboard.oci.layers.file_tree import FileTree, Loop
from lkboard.rootfs.kernel import BOOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.model.rootfs import Entry
    from lkboard.oci.layers.file_tree import Node

REST = "/"
"""The part of a system that everything belongs to which is in no container, no volume and not in ``boot``."""

_CONTAINERS = "containers"
_UNNUMBERED = "services"
_SECTIONS = ("onboot", "onshutdown", _UNNUMBERED)
_VOLUMES = "volumes"
_CONFIG, _RUNTIME = "config.json", "runtime.json"
_READ_LIMIT = 4 << 20
_NUMBER = re.compile(r"\d{3,}-")


@dataclass(frozen=True)
class Bundle:
    """A container in a root: ``part`` is its section and name, without the number that says when it runs.

    ``path`` is where the init finds it, ``folder`` the same without symbolic links on the way. ``image`` is the
    reference of its image, with the digest if that is known; empty if the root does not say it.
    """

    path: str
    folder: str
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
        """The containers by part, in their order.

        Raises `BuildError` when a document is no JSON, or a link to what is not in this root, or to the root itself.
        """
        bundles: dict[str, Bundle] = {}
        for section in _SECTIONS:
            for path in self._bundle_paths(f"{_CONTAINERS}/{section}"):
                name = path.removeprefix(f"{_CONTAINERS}/{section}/")
                part = f"{section}/{name if section == _UNNUMBERED else _NUMBER.sub('', name, count=1)}"
                part = _free(part, bundles)
                config, runtime = (self._document(f"{path}/{file}") for file in (_CONFIG, _RUNTIME))
                bundles[part] = Bundle(path, self._followed(path), part, config, runtime, self._image(path))
        return bundles

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The paths at which the init finds containers that are not in this root, because a link leads out of it."""
        sections = [f"{_CONTAINERS}/{section}" for section in _SECTIONS]
        names = [f"{section}/{name}" for section in sections for name in self._children(section)]
        return tuple(path for path in (*sections, *names) if self.real_path(path) is None)

    @cached_property
    def parts(self) -> dict[str, str]:
        """What each path belongs to."""
        by_folder = {bundle.folder: bundle.part for bundle in self.bundles.values()}
        return {path: _part_of(path, by_folder) for path in self.entries}

    @cached_property
    def names(self) -> dict[str, str]:
        """The paths by the names under which they are compared: a container's number does not count."""
        names = {}
        for path, part in self.parts.items():
            name = _comparable(path, self.bundles.get(part))
            names[path if name in self.entries else name] = path
        return names

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

    def real_path(self, path: str) -> str | None:
        """Return where a path leads without links; what is not in the root yet keeps its name.

        None when a link leads to what is not in this root.
        """
        folder, missing = path, ""
        try:
            while (real := self._files.real_path(folder)) is None:
                if self._files.find(folder) is not None:
                    return None
                folder, _, name = folder.rpartition("/")
                missing = posixpath.join(name, missing)
        except Loop:
            return None
        return posixpath.normpath(posixpath.join("/", real, missing)).lstrip("/")

    @cached_property
    def _files(self) -> FileTree:
        tree = FileTree(Origin(self.name, ""))
        for path, entry in self.entries.items():
            tree.add("" if path == "." else path, entry, 0)
        return tree

    def _followed(self, path: str) -> str:
        """Return a path that is there without links. Raises `BuildError` when nothing is where it leads."""
        real = self.real_path(path)
        if real is None:
            raise BuildError(f"'/{path}' leads to what is not in this system", where=self.name, hint="replace the link")
        return real

    def _bundle_paths(self, section: str) -> list[str]:
        """Return the folders with a config.json in one of the init's folders, sorted, as the init finds them.

        It takes links as well as folders; what looks like a container inside another is none.
        """
        found: list[str] = []
        pending = [section]
        for folder in pending:
            for name, node in self._children(folder).items():
                path = f"{folder}/{name}"
                is_link = node.entry.kind is Kind.SYMLINK
                if node.children is None and not (is_link and folder == section):
                    continue
                if _CONFIG in self._children(path):
                    found.append(path)
                elif not is_link:
                    pending.append(path)
        return sorted(found)

    def _children(self, path: str) -> dict[str, Node]:
        """Return what is in the folder that a path leads to; nothing if it is none."""
        real = self.real_path(path)
        node = self._files.find(real) if real is not None else None
        return (node.children if node is not None else None) or {}

    def _image(self, path: str) -> str:
        source = self.entries[self._followed(f"{path}/{_CONFIG}")].origin.source
        digest = self.images.get(source)
        return f"{source}@{digest}" if digest and "@" not in source else source

    def _document(self, path: str) -> dict[str, Any]:
        """Return a JSON object; an empty one when the file is missing, as the init takes it for runtime.json."""
        if self._files.find(path) is None:
            return {}
        real = self._followed(path)
        if not real:  # the root itself, which needs no entry
            raise BuildError(f"'/{path}' leads to '/', not to a file", where=self.name, hint="replace the link")
        try:
            document = json.loads(self.read(real))
        except (ValueError, RecursionError) as error:
            raise BuildError(f"'/{path}' is not JSON: {error}", where=self.name) from error
        return document if isinstance(document, dict) else {}


def _free(part: str, taken: Mapping[str, Bundle]) -> str:
    """Return a name as it is if nobody has it, else with a number: a container may run several times."""
    number = 1 + sum(name.partition("#")[0] == part for name in taken)
    return part if number == 1 else f"{part}#{number}"


def _part_of(path: str, containers: Mapping[str, str]) -> str:
    names = path.split("/")
    if names[0] == BOOT:
        return BOOT
    if names[:2] == [_CONTAINERS, _VOLUMES] and len(names) > 2:
        return "/".join(names[:3])
    folders = ("/".join(names[:depth]) for depth in range(1, len(names) + 1))
    return next((containers[folder] for folder in folders if folder in containers), REST)


def _comparable(path: str, bundle: Bundle | None) -> str:
    return path if bundle is None else f"{_CONTAINERS}/{bundle.part}{path.removeprefix(bundle.folder)}"
