"""Python programs in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PYTHONWARNINGS": "error"}


def run_killed(*arguments: object) -> None:
    """Run a Python program that has to end by SIGKILL; modules beside it do not stand in for those of Python."""
    done = subprocess.run(
        [sys.executable, "-P", *map(str, arguments)], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, f"{done.returncode}: {done.stderr}"


def lkboard(*arguments: object, limit: float | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line without a terminal; ``limit`` is how many seconds it may take."""
    return subprocess.run(
        [sys.executable, "-m", "lkboard", *map(str, arguments)],
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


def run_python(program: str, *arguments: object) -> str:
    """Run the text of a Python program, which must end well, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**ENVIRONMENT, **os.environ, "PYTHONPATH": ENVIRONMENT["PYTHONPATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
