"""Files of this machine that a config names (build.md section 5.8, ``source``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.config.rules.finding import Finding
from lkboard.home import home

if TYPE_CHECKING:
    from lkboard.errors import Problem
    from lkboard.model.config import Config


def host_path(source: str) -> Path:
    """Return where a ``source`` is: below the home (if any) after ``~/``, else relative to the current directory."""
    folder = home() if source.startswith("~/") and len(source) > len("~/") else None
    return folder / source[len("~/") :] if folder else Path(source)


def missing_sources(config: Config) -> tuple[Problem, ...]:
    """Return an error for each source that is needed, but is not there or is no regular file."""
    problems = []
    for file in config.files:
        if not file.source or file.directory or file.symlink:
            continue
        path = host_path(file.source)
        if message := _fault(path, is_optional=file.optional):
            hint = "paths are relative to the current directory; give another one, or set optional: true"
            problems.append(Finding("source", message, hint).at(file.places, "config.missing-source"))
    return tuple(problems)


def is_missing(path: Path) -> bool:
    """Return whether nothing is at a path; one that cannot even be looked for is not missing."""
    try:
        return not path.exists()
    except OSError:
        return False


def _fault(path: Path, *, is_optional: bool) -> str:
    """Return what is wrong with the path of a source, or an empty text."""
    try:
        if path.is_file() or (is_optional and is_missing(path)):
            return ""
        return f"'{path}' is no regular file" if path.exists() else f"'{path}' does not exist"
    except OSError as error:
        return f"'{path}' cannot be read: {error.strerror}"
