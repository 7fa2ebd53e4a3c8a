"""The files of an archive or folder of images, by their paths (registry.md section 11).

An archive is never unpacked: a file is a part of it. Nothing outside of an archive or folder is ever looked at.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING

from lkboard.errors import ArchiveInvalid
from lkboard.model.extents import FileSpan
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.image_spec.documents import DOCUMENT_LIMIT
from lkboard.oci.layers.tar_reader import read_tar
from lkboard.oci.store.blobs import chunks

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.events import Job

Files = Callable[[str], FileSpan | None]
"""Gives a file by its path, None when there is none."""

KINDS_HINT = "give an OCI layout (folder or tar), or what 'docker save' or 'skopeo copy … docker-archive:' writes"

_NAME_LIMIT = 255
_LINK_LIMIT = 40
_LINKS = frozenset([Kind.SYMLINK, Kind.HARDLINK])
_KINDS = _LINKS | {Kind.FILE, Kind.DIRECTORY}


def open_files(path: Path, job: Job) -> Files:
    """Return the files of a folder or of a plain tar.

    Raises `ArchiveInvalid` for names that leave the archive, that occur twice or are longer than 255 bytes, and for
    anything but files, folders and links among them; `LayerInvalid` for what is no tar; `Cancelled`.
    """
    if path.is_dir():
        return _folder(path)
    span = FileSpan(str(path), 0, path.stat().st_size)
    entries: dict[str, Entry] = {}
    for entry in read_tar(span, where=str(path), origin=Origin("", "")):
        job.check()
        name = _checked_name(entry, path)
        if name in entries and entry.kind is not Kind.DIRECTORY:
            raise _refused(path, f"has '{name}' twice")
        if name:
            entries[name] = entry
    for entry in entries.values():
        _follow(entries, entry, path)
    return lambda name: _span(_follow(entries, entries.get(name), path))


def read_document(files: Files, name: str, path: Path) -> bytes:
    """Return a small file. Raises `ArchiveInvalid` when it is missing or too large, naming ``path``."""
    return b"".join(chunks(check_document(files, name, path)))


def check_document(files: Files, name: str, path: Path) -> FileSpan:
    """Return where a small file is. Raises `ArchiveInvalid` as `read_document` does."""
    span = files(name)
    if span is None or span.size > DOCUMENT_LIMIT:
        raise ArchiveInvalid(f"'{name}' is {'missing' if span is None else 'too large'}", where=path, hint=KINDS_HINT)
    return span


def bad_list(name: str, path: Path, error: Exception) -> ArchiveInvalid:
    """Return the error for a list of images that reading failed with another one."""
    message = f"its {name} does not list images as it should"
    if isinstance(error, json.JSONDecodeError):
        message = f"its {name} is no JSON at line {error.lineno}, column {error.colno}"
    elif type(error) is ValueError and error.args:  # raised by lkboard, not by Python
        message = f"{message}: {error}"
    return ArchiveInvalid(message, where=path, hint="make the archive again")


def _folder(folder: Path) -> Files:
    base = folder.resolve()

    def find(name: str) -> FileSpan | None:
        try:
            path = (base / name).resolve()
            if not path.is_relative_to(base):
                raise _refused(folder, f"has or names '{name}', which leads out of it")
            return FileSpan(str(path), 0, path.stat().st_size) if path.is_file() else None
        except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a name too long or with a zero in it
            raise _refused(folder, f"has or names '{name[:40]}', which cannot be looked up") from error

    return find


def _checked_name(entry: Entry, path: Path) -> str:
    name = entry.path
    if len(name.encode("utf-8", "surrogateescape")) > _NAME_LIMIT:
        raise _refused(path, f"has a name of more than {_NAME_LIMIT} bytes: '{name[:40]}…'")
    if name.startswith("/") or ".." in name.split("/"):
        raise _refused(path, f"has '{name}', which leads out of it")
    if entry.kind not in _KINDS:
        raise _refused(path, f"has '{name}', which is neither a file nor a folder")
    clean = posixpath.normpath(name)
    return "" if clean == "." else clean


def _follow(entries: dict[str, Entry], entry: Entry | None, path: Path) -> Entry | None:
    """Return what an entry is in the end: links lead to other entries of the archive, or are refused."""
    for _ in range(_LINK_LIMIT):
        if entry is None or entry.kind not in _LINKS:
            return entry
        base = posixpath.dirname(entry.path) if entry.kind is Kind.SYMLINK else ""
        target = posixpath.normpath(posixpath.join(base, entry.link))
        if target == ".." or target.startswith(("/", "../")):
            raise _refused(path, f"has the link '{entry.path}', which leads out of it")
        entry = entries.get(target)
    raise _refused(path, "has links that lead in a circle")


def _span(entry: Entry | None) -> FileSpan | None:
    if entry is None or entry.kind is not Kind.FILE:
        return None
    parts = entry.content.parts
    if not parts:
        return FileSpan("/dev/null", 0, 0)
    return parts[0] if len(parts) == 1 and isinstance(parts[0], FileSpan) else None


def _refused(path: Path, what: str) -> ArchiveInvalid:
    return ArchiveInvalid(f"the archive {what}", where=path, hint="do not trust it: no tool that saves images does so")
