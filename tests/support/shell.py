"""Runs the init's shell functions and awk programs by the busybox that they are written for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping

INIT = Path(__file__).parents[2] / "resources/kit/init"
LIBRARY = INIT / "usr/lib/lkb"


def busybox(*arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an applet of busybox with an environment of its own."""
    need("busybox")
    return _run(["busybox", *map(str, arguments)], stdin, environment)


def shell(
    script: str, *arguments: str | Path, libraries: tuple[str, ...] = (), stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script that has the functions of some libraries of the init (``common.sh`` always)."""
    sources = "".join(f'. "$LIB/{name}"\n' for name in ("common.sh", *libraries))
    return busybox("sh", "-c", sources + script, "lkb", *arguments, stdin=stdin, LIB=str(LIBRARY), **environment)


def _run(command: list[str], stdin: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    # bytes, not text mode: that would change line ends
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    done = subprocess.run(
        command, input=stdin.encode(), capture_output=True, env=path | dict(environment), timeout=60, check=False
    )
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())
