"""Every shell script of the kit is sound, and small enough to read."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.shell import INIT
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_FUNCTION = 20
PROGRAMS = sorted(path for path in INIT.rglob("*") if path.is_file() and path.read_bytes().startswith(b"#!"))
LIBRARIES = sorted([*INIT.rglob("*.sh"), INIT / "etc/profile"])
AWK = sorted(INIT.rglob("*.awk"))


def _name(path: Path) -> str:
    return str(path.relative_to(INIT))


@pytest.mark.parametrize("script", [*PROGRAMS, *LIBRARIES], ids=_name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    need("shellcheck")
    # dash is the dialect next to busybox's ash: POSIX and "local". SC1091: the libraries are elsewhere on this machine.
    command = ["shellcheck", "-s", "dash", "-e", "SC1091", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout == ""
    assert result.returncode == 0


@pytest.mark.parametrize("script", [*PROGRAMS, *LIBRARIES], ids=_name)
def test_busybox_can_parse_it(script: Path) -> None:
    need("busybox")
    result = subprocess.run(["busybox", "sh", "-n", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("script", PROGRAMS, ids=_name)
def test_a_program_is_executable(script: Path) -> None:
    assert script.stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize("script", [*PROGRAMS, *LIBRARIES], ids=_name)
def test_each_disabled_check_has_a_reason(script: Path) -> None:
    for line in script.read_text().splitlines():
        if "shellcheck disable" in line:
            assert re.search(r"disable=SC\d+ +# \w+", line), line


@pytest.mark.parametrize("script", [*PROGRAMS, *LIBRARIES, *AWK], ids=_name)
def test_functions_are_short(script: Path) -> None:
    opened: tuple[str, int] | None = None
    for number, line in enumerate(script.read_text().splitlines()):
        if match := re.match(r"(?:function )?(\w+)\(.*\) ?[({]$", line):
            opened = (match[1], number)
        if opened and line in ("}", ")"):
            assert number - opened[1] <= LONGEST_FUNCTION, opened[0]


def test_nothing_in_the_tree_is_a_link_or_an_empty_folder() -> None:
    """Wheels keep neither."""
    for path in INIT.rglob("*"):
        assert not path.is_symlink(), path
        assert path.is_file() or any(path.iterdir()), path


@pytest.mark.parametrize("script", [*PROGRAMS, *LIBRARIES], ids=_name)
def test_what_is_sourced_exists(script: Path) -> None:
    for sourced in re.findall(r"^\s*\. (/\S+)$", script.read_text(), re.MULTILINE):
        assert (INIT / sourced.lstrip("/")).is_file(), sourced
