"""The file tree of one image: put together in any order, handed out in one."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lkboard.model.extents import Content
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PROGRAM = 0o755
DATA = 0o644
_SECRETS = {"etc/shadow": 0o600}


class Tree:
    """Collects entries; everything belongs to root and has the epoch as its time. Parents appear by themselves."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def file(self, path: str, content: Content | bytes | str, mode: int = DATA) -> None:
        """Put a regular file, over whatever was at its path."""
        if isinstance(content, str):
            content = content.encode()
        if isinstance(content, bytes):
            content = Content.of(content)
        self._put(Entry(path, Kind.FILE, mode, content=content))

    def symlink(self, path: str, target: str) -> None:
        """Put a symbolic link."""
        self._put(Entry(path, Kind.SYMLINK, 0o777, link=target))

    def directory(self, path: str, mode: int = PROGRAM) -> None:
        """Put a directory."""
        self._put(Entry(path, Kind.DIRECTORY, mode))

    def resources(self, folder: Traversable, prefix: str = "") -> None:
        """Put all files below a folder of lkboard's resources.

        A file that starts with ``#!`` is a program. The modes on disk do not count: they depend on how lkboard was
        installed (umask, wheel, checkout), and an image must not.
        """
        for item in folder.iterdir():
            path = f"{prefix}{item.name}"
            if item.is_dir():
                self.directory(path)
                self.resources(item, f"{path}/")
            else:
                data = item.read_bytes()
                self.file(path, data, PROGRAM if data.startswith(b"#!") else _SECRETS.get(path, DATA))

    def entries(self) -> tuple[Entry, ...]:
        """Return everything, sorted by path: a parent comes before what it contains."""
        return tuple(self._entries[path] for path in sorted(self._entries))

    def _put(self, entry: Entry) -> None:
        for parent in PurePosixPath(entry.path).parents:
            if parent.name:
                self._entries.setdefault(str(parent), Entry(str(parent), Kind.DIRECTORY, PROGRAM))
        self._entries[entry.path] = entry
