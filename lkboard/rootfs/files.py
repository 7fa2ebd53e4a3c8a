"""The files section (build.md section 5.8).

A directory that is there already keeps its mode and owner when a file is put below it; the reference would replace them
(decisions, "Build").
"""

from __future__ import annotations

import itertools
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.config.dump import dump_json, dump_yaml
from lkboard.config.host_files import host_path, is_missing
from lkboard.config.values import InvalidValue, parse_mode
from lkboard.disk import content as contents
from lkboard.model.extents import EMPTY, Content, FileSpan, stamp_of
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.layers.file_tree import clean
from lkboard.rootfs.effective import config_fault
from lkboard.rootfs.ids import resolve_id
from lkboard.rootfs.merge import lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lkboard.errors import ConfigError
    from lkboard.model.config import Config, FileEntry
    from lkboard.rootfs.merge import Root

_OWN = "linuxkit.files"
_FILE_MODE, _DIRECTORY_MODE = 0o600, 0o700
_DUMPS = {"yaml": dump_yaml, "json": dump_json}
_INLINE_LIMIT = 1 << 20
"""Bytes up to which a file of the user is read at once, so that it cannot change before it is written."""


def add_files(root: Root, config: Config, ids: Mapping[str, int]) -> None:
    """Add the entries of a checked config as one segment.

    Raises `ConfigError` naming the entry when a source cannot be read or a path leaves the root, `ImageConflict`, and
    `Cancelled`.
    """
    if config.files:
        root.begin_segment("files")
    for index, file in enumerate(config.files):
        if not (file.optional and file.source and is_missing(host_path(file.source))):
            _Addition(root, config, file, f"files[{index}]").add(ids)


class _Addition:
    """One entry of the section on its way into the root."""

    def __init__(self, root: Root, config: Config, file: FileEntry, location: str) -> None:
        self._root = root
        self._config = config
        self._file = file
        self._location = location

    def add(self, ids: Mapping[str, int]) -> None:
        """Put the entry into the root, with the directories that it needs."""
        file, kind = self._file, self._kind()
        mode = _DIRECTORY_MODE if file.directory else _FILE_MODE
        entry = Entry(
            self._path(),
            kind,
            self._value("mode", lambda: parse_mode(file.mode) if file.mode else mode),
            self._value("uid", lambda: resolve_id(file.uid, ids)),
            self._value("gid", lambda: resolve_id(file.gid, ids)),
            link=file.symlink if kind is Kind.SYMLINK else "",
            content=self._content() if kind is Kind.FILE else EMPTY,
            mtime_ns=self._root.epoch_ns,
            origin=Origin(_OWN, self._location, made=self._made()),
        )
        for folder in lineage(entry.path):
            if folder != entry.path:
                self._need_directory(folder, entry)
        self._root.put(entry.path, entry)

    def _need_directory(self, path: str, entry: Entry) -> None:
        """Make a directory with the entry's owner, unless it is there; then only its time changes."""
        existing = self._root.follow(path, entry.origin)
        if existing is not None and existing.children is not None:
            existing.entry = replace(existing.entry, mtime_ns=self._root.epoch_ns, is_implied=False)
        else:
            origin = replace(entry.origin, made=f"a folder that '/{entry.path}' needs")
            folder = replace(entry, kind=Kind.DIRECTORY, mode=_directory_mode(entry.mode), content=EMPTY, link="")
            folder = replace(folder, origin=origin)
            self._root.tell_replaced(path, folder)
            self._root.put(path, folder)

    def _kind(self) -> Kind:
        if self._file.directory:
            return Kind.DIRECTORY
        if self._file.symlink:
            return Kind.SYMLINK
        return Kind.DIRECTORY if self._file.path.endswith("/") else Kind.FILE

    def _made(self) -> str:
        if self._file.metadata:
            return f"the whole config as {self._file.metadata.upper()}"
        return f"a copy of '{self._file.source}'" if self._file.source else ""

    def _path(self) -> str:
        path = clean(self._file.path)
        if not path:
            raise self._fault("path", f"'{self._file.path}' is no place below the root", "write path: DIRECTORY/NAME")
        return path

    def _value(self, field: str, read: Callable[[], int]) -> int:
        try:
            return read()
        except InvalidValue as invalid:
            raise self._fault(field, invalid.message, invalid.hint) from invalid

    def _content(self) -> Content:
        if self._file.contents is not None:
            return Content.of(self._file.contents.encode())
        if self._file.source:
            return self._source()
        return Content.of(_DUMPS[self._file.metadata](self._config).encode())

    def _source(self) -> Content:
        """Return the bytes of a host file; a relative path begins at the current directory."""
        path = host_path(self._file.source)
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise self._fault("source", f"'{path}' is not an ordinary file", "name a file")
            if status.st_size <= _INLINE_LIMIT:
                return Content.of(path.read_bytes())
        except OSError as error:
            hint = "paths begin at the current directory; optional: true allows a file to be missing"
            raise self._fault("source", f"cannot read '{path}': {error.strerror}", hint) from error
        span = FileSpan(str(path.absolute()), 0, status.st_size, stamp=stamp_of(status))
        return Content((replace(span, digest=self._digest(span)),))

    def _digest(self, span: FileSpan) -> str:
        """Return the digest of a large file; it takes long, so that it is told."""
        job, step = self._root.job, f"Read {span.path}"
        done = itertools.count(contents.CHUNK_SIZE, contents.CHUNK_SIZE)
        with job.step(step):
            return contents.digest(Content((span,)), lambda: job.progress(step, min(next(done), span.size), span.size))

    def _fault(self, field: str, message: str, hint: str) -> ConfigError:
        return config_fault(self._file.places, self._location, field, message, hint)


def _directory_mode(mode: int) -> int:
    """Return a mode with an execute bit for everybody who has any (0640 becomes 0750)."""
    return mode | (mode & 0o444) >> 2 | (mode & 0o222) >> 1 | mode & 0o111
