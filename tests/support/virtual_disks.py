"""The judge of formats of virtual disks: qemu-img."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from support.plans import save
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.extents import ExtentMap


def assert_same_disk(raw: ExtentMap, converted: ExtentMap, format_name: str, folder: Path) -> Path:
    """Fail unless QEMU reads the same bytes and size from both; return the file of the converted one."""
    one, other = save(raw, folder / "raw"), save(converted, folder / "converted")
    qemu_img("compare", "-f", "raw", "-F", format_name, str(one), str(other))
    assert info(other, format_name)["virtual-size"] == raw.size
    return other


def assert_sound(path: Path, format_name: str) -> None:
    """Fail when QEMU finds an error or a leak in the file's own structure."""
    assert "No errors were found" in qemu_img("check", "-f", format_name, str(path))


def info(path: Path, format_name: str) -> dict[str, Any]:
    """Return what QEMU reads from the file's header."""
    found: dict[str, Any] = json.loads(qemu_img("info", "--output=json", "-f", format_name, str(path)))
    return found


def qemu_img(*arguments: str) -> str:
    need("qemu-img")
    done = subprocess.run(["qemu-img", *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done
    return done.stdout
