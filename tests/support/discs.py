"""Discs as xorriso reads them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def xorriso(path: Path, *commands: str) -> str:
    """Return what xorriso says of a disc."""
    need("xorriso")
    done = subprocess.run(
        ["xorriso", "-indev", path, *commands],
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=True,
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    )
    return done.stdout + done.stderr


def boot_entry(path: Path) -> Mapping[str, str]:
    """Return platform, emulation, load size and block of the only El Torito entry."""
    lines = xorriso(path, "-report_el_torito", "plain").splitlines()
    (row,) = [line.split(":", 1)[1].split() for line in lines if line.startswith("El Torito boot img")]
    return dict(zip(("number", "platform", "boots", "emulation", "segment", "type", "size", "block"), row, strict=True))


def listing(path: Path) -> dict[str, list[str]]:
    """Return mode, links, owner, group, size or device, month, day, time or year of each path, and a link's target."""
    lines = xorriso(path, "-find", "/", "-exec", "lsdl").splitlines()
    rows = (line.split(None, 8) for line in lines if line.count("'") >= 2 and line[0] in "-dlcbp")
    return {row[8].partition(" -> ")[0].strip("'")[1:]: [*row[:8], *row[8].split(" -> ")[1:]] for row in rows}


def extracted_disc(path: Path, folder: Path) -> dict[str, bytes]:
    """Return the files of a disc by path; they are unpacked into a folder."""
    xorriso(path, "-osirrox", "on", "-extract", "/", str(folder))
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
