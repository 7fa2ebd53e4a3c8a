"""The command line on a machine without any network, not even loopback."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from support.loops import need_root
from support.processes import ENVIRONMENT
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def unplugged(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``lkboard`` for a user whose home is new, in a network namespace without interfaces that are up."""
    home.mkdir(exist_ok=True)
    kept = ("PATH", "PYTHONPATH", "PYTHONWARNINGS", "LANG")
    environment = {"HOME": str(home), **{name: ENVIRONMENT[name] for name in kept if name in ENVIRONMENT}}
    return run_unplugged("-m", "lkboard", *arguments, environment=environment)


def run_unplugged(*arguments: object, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python there."""
    need("unshare")
    need_root()
    return subprocess.run(
        [str(shutil.which("unshare")), "--net", sys.executable, *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
