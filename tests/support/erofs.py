"""mkfs.erofs, where there is one that is new enough."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest


def need_erofs() -> None:
    """Skip the test, also on CI, without erofs-utils 1.8: Debian 12 has 1.5, which cannot read archives."""
    if shutil.which("mkfs.erofs"):
        told = subprocess.run(["mkfs.erofs", "--version"], capture_output=True, text=True, check=False)
        match = re.search(r"(\d+)\.(\d+)", told.stdout + told.stderr)
        if match and (int(match[1]), int(match[2])) >= (1, 8):
            return
    pytest.skip("no mkfs.erofs of version 1.8 or newer")
