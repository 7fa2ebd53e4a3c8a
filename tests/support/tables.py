"""Judges of partition tables: sfdisk and sgdisk."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path


def sfdisk(image: Path) -> dict[str, Any]:
    """Return the partition table as sfdisk sees it; it must not complain."""
    need("sfdisk")
    done = subprocess.run(["sfdisk", "-J", str(image)], capture_output=True, check=True)
    assert done.stderr == b""
    table: dict[str, Any] = json.loads(done.stdout)["partitiontable"]
    return table


def sgdisk(image: Path, *options: str) -> str:
    """Return what sgdisk says about a GPT; ``-v`` looks for problems."""
    need("sgdisk")
    return subprocess.run(["sgdisk", *options, str(image)], capture_output=True, check=True).stdout.decode()
