"""Small git repositories."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WHEN = "2020-01-01T00:00:00Z"
_WHO = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (
    ("NAME", "lab"), ("EMAIL", "lab@example.invalid"), ("DATE", _WHEN)
)}  # fmt: skip
_ENVIRONMENT = {**os.environ, **_WHO, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a repository with one commit of some files, and return its folder."""
    write(folder, files)
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "lab")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints."""
    need("git")
    done = subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, text=True, env=_ENVIRONMENT
    )
    return done.stdout
