"""Judges of FAT file systems: dosfstools and mtools."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

_ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "MTOOLSRC": "/dev/null", "TZ": "UTC"}


def fsck(image: Path) -> None:
    """Fail unless ``fsck.fat`` has nothing to say about a file that is one file system."""
    need("fsck.fat")
    done = subprocess.run(["fsck.fat", "-n", "-v", str(image)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")


def mtools(program: str, *arguments: str) -> str:
    """Return what a program of mtools prints; it must not complain."""
    need(program)
    done = subprocess.run([program, *arguments], capture_output=True, check=False, env=_ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout.decode()


def extracted(image: Path, destination: Path, offset: int = 0) -> dict[str, bytes]:
    """Return all files as mtools sees them."""
    mtools("mcopy", "-s", "-n", "-Q", "-i", f"{image}@@{offset}", "::", str(destination))
    return {str(path.relative_to(destination)): path.read_bytes() for path in destination.rglob("*") if path.is_file()}
