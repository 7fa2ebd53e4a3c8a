"""What git knows of a folder, as far as the name of a package depends on it (cli.md section 6.3).

Every function runs the program ``git`` and raises `InvalidValue` when that is not there, or cannot answer.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
from typing import TYPE_CHECKING

from lkboard.config.values import InvalidValue

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

_TIMEOUT_SECONDS = 60
_CHUNK_BYTES = 1 << 20
_ENVIRONMENT = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
_NO_REPOSITORY = "not a git repository"


def is_tracked(folder: Path) -> bool:
    """Return whether a folder is in the work tree of a repository."""
    answer = _git(folder, "rev-parse", "--is-inside-work-tree")
    if answer.returncode and _NO_REPOSITORY not in answer.stderr:
        raise _failed(folder, answer)
    return answer.stdout.strip() == "true"


def tree_hash(folder: Path) -> str:
    """Return the id of a folder's tree in the last commit: 40 hexadecimal digits."""
    answer = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD:./")
    if answer.returncode:
        raise InvalidValue(f"'{folder}' is not in the last commit of its git repository", "commit it")
    return answer.stdout.strip()


def is_dirty(folder: Path) -> bool:
    """Return whether a folder differs from the last commit, or holds files that git neither knows nor ignores."""
    answer = _git(folder, "diff", "--no-ext-diff", "--quiet", "HEAD", "--", ".")
    if answer.returncode not in {0, 1}:
        raise _failed(folder, answer)
    return answer.returncode == 1 or any(_listed(folder, "--exclude-standard", "--others"))


def content_hash(folder: Path) -> str:
    """Return the SHA-256 of all files one after the other, in hexadecimal: those that git knows, then the others.

    What is no ordinary file is left out, and so are names that git prints in quotes: LinuxKit does not find them.
    """
    state = hashlib.sha256()
    for name in (*_listed(folder), *_listed(folder, "--exclude-standard", "--others")):
        path = folder / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                continue
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    state.update(chunk)
        except OSError:
            continue  # removed, but git still knows it
    return state.hexdigest()


def _listed(folder: Path, *options: str) -> Iterator[str]:
    answer = _git(folder, "ls-files", *options)
    if answer.returncode:
        raise _failed(folder, answer)
    yield from answer.stdout.splitlines()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    import subprocess

    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT},
            timeout=_TIMEOUT_SECONDS,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except FileNotFoundError as error:
        raise InvalidValue("the program 'git' is not installed", "install it: apt install git") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidValue(f"git does not work: {error}", f"try: git -C {shlex.quote(str(folder))} status") from error


def _failed(folder: Path, answer: subprocess.CompletedProcess[str]) -> InvalidValue:
    lines = answer.stderr.strip().splitlines() or [f"exit status {answer.returncode}"]
    return InvalidValue(f"git cannot read '{folder}': {lines[0]}", f"try: git -C {shlex.quote(str(folder))} status")
