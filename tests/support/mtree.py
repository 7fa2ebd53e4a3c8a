"""What libarchive (bsdtar) reads from an archive, as one dictionary of keywords for each path."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEYWORDS = "!all,type,mode,uid,gid,time,size,link,device,sha256"


def mtree(archive: Path) -> dict[str, dict[str, str]]:
    listing = subprocess.run(
        ["bsdtar", "-cf", "-", "--format=mtree", f"--options={_KEYWORDS}", f"@{archive}"],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert listing.stderr == b""
    paths = {}
    for line in listing.stdout.decode().splitlines()[1:]:
        name, *words = line.split(" ")
        paths[_plain(name).removeprefix("./")] = {
            key: _plain(value) for key, _, value in (word.partition("=") for word in words)
        }
    return paths


def _plain(text: str) -> str:
    """Undo the octal escapes of mtree files."""
    raw = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), text.encode())
    return raw.decode()
