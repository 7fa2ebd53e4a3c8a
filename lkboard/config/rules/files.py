"""Rules for the files section (build.md section 5.8)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lkboard.config.rules.finding import Finding, warning
from lkboard.config.values import InvalidValue, parse_mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.config.rules.finding import Located
    from lkboard.model.config import Config, FileEntry

_COVERED = ("run", "tmp", "var")


def file_path(config: Config) -> Iterator[Located]:
    """Find files without a path, and paths that lead out of the root or are the root itself."""
    for file in config.files:
        path = posixpath.normpath(file.path).lstrip("/")
        if not file.path.strip("/"):
            yield file.places, Finding("path", "the file has no path", "add path: etc/NAME")
        elif "\0" in file.path + file.symlink:
            yield file.places, Finding("path", "a path cannot contain the character 0", "remove it")
        elif path.split("/")[0] == "..":
            yield file.places, Finding("path", f"'{file.path}' leads out of the root", "remove the '..'")
        elif path in {"", "."}:
            yield file.places, Finding("path", f"'{file.path}' is the root itself", "add a name: etc/NAME")


def file_content(config: Config) -> Iterator[Located]:
    """Find files that have no content, or several kinds of it."""
    for file in config.files:
        if file.directory:
            yield from _directory(file)
        elif not file.symlink:
            yield from _regular(file)
        elif _kinds(file):
            message = f"'{file.path}' is a symlink; its {_kinds(file)[0]} has no effect"
            yield file.places, warning("symlink", message, f"remove symlink or {_kinds(file)[0]}")


def _directory(file: FileEntry) -> Iterator[Located]:
    kinds = _kinds(file)
    if kinds:
        hint = f"remove directory: true, or {kinds[0]}"
        yield file.places, Finding("directory", f"the directory '{file.path}' cannot have {kinds[0]}", hint)
    elif file.symlink:
        message = f"'{file.path}' is a directory; its symlink has no effect"
        yield file.places, warning("symlink", message, "remove directory: true, or symlink")


def _regular(file: FileEntry) -> Iterator[Located]:
    kinds = _kinds(file)
    if len(kinds) > 1:
        message = f"the file '{file.path}' has both {kinds[0]} and {kinds[1]}"
        yield file.places, Finding(kinds[1], message, f"remove {kinds[0]} or {kinds[1]}")
    elif not kinds:
        hint = "add contents, source, symlink, metadata or directory: true"
        yield file.places, Finding("", f"the file '{file.path}' has no content", hint)


def _kinds(file: FileEntry) -> list[str]:
    """Return the fields that give a content."""
    given = {"contents": file.contents is not None, "source": bool(file.source), "metadata": bool(file.metadata)}
    return [field for field, is_given in given.items() if is_given]


def file_mode(config: Config) -> Iterator[Located]:
    """Find modes that are not octal."""
    for file in config.files:
        try:
            parse_mode(file.mode or "0")
        except InvalidValue as error:
            yield file.places, Finding("mode", error.message, error.hint)


def covered_file(config: Config) -> Iterator[Located]:
    """Find files that the init covers with a tmpfs (build.md section 8.3)."""
    for file in config.files:
        top = posixpath.normpath(file.path.lstrip("/")).split("/")[0]
        if top in _COVERED and not file.directory:
            message = f"'{file.path}' cannot be seen once booted: a tmpfs covers /{top}"
            yield file.places, warning("path", message, "put it elsewhere, and bind it into its container")
