"""The files of an image or a package, looked up by path."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lkboard.model.rootfs import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.model.rootfs import Entry

_LINK_LIMIT = 40
"""Links followed for one path, as in Linux (path_resolution(7))."""


class Archive(Mapping[str, "Entry"]):
    """Entries by their paths, which are relative to the root and clean. ``name`` is for people."""

    def __init__(self, name: str, entries: Iterable[Entry]) -> None:
        self.name = name
        self._entries = {entry.path: entry for entry in entries}

    def __getitem__(self, path: str) -> Entry:
        """Return the entry of exactly this path. Raises KeyError."""
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the paths, in the archive's order."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def find(self, path: str) -> Entry | None:
        """Return the regular file that a path leads to, through links; None when there is none.

        Links count in the last part of a path only: packages and images name files by their real folders. Where /bin,
        /sbin and /lib were merged into /usr, the old name still leads there.
        """
        return self._follow(path) or self._follow(f"usr/{path}")

    def _follow(self, path: str) -> Entry | None:
        for _ in range(_LINK_LIMIT):
            entry = self._entries.get(path)
            if entry is None or entry.kind is Kind.FILE:
                return entry
            if entry.kind is Kind.HARDLINK:
                path = entry.link
            elif entry.kind is Kind.SYMLINK:
                path = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), entry.link)).lstrip("/")
            else:
                return None
        return None
