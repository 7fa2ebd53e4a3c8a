"""Loop devices, and only those: a test touches no device that it did not make here."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkboard.devices.snapshot import find
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.device import BlockDevice


def need_root() -> None:
    """Skip the test for ordinary users; on CI, which runs as root, fail."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("needs root")
    pytest.skip("needs root")


@contextlib.contextmanager
def attached(backing: Path, *options: str) -> Iterator[Path]:
    """Attach a file as a loop device for the time of the block, with options of losetup(8)."""
    need("losetup")
    need_root()
    path = run("losetup", "--find", "--show", *options, str(backing)).strip()
    try:
        yield Path(path)
    finally:
        remove_partitions(Path(path))
        run("losetup", "--detach", path)


def add_partitions(path: Path) -> None:
    """Make the kernel show the partitions of a loop device, also a kernel that does not look by itself."""
    run("partx", "--update", str(path))


def remove_partitions(path: Path) -> None:
    """Take the partitions of a loop device away again: they would outlive it."""
    if any(Path("/sys/class/block", path.name).glob(f"{path.name}p*")):
        run("partx", "--delete", str(path))


def partition(image: Path, script: str) -> Path:
    """Give an image a partition table, described as sfdisk(8) reads it."""
    need("sfdisk")
    subprocess.run(["sfdisk", "--quiet", str(image)], input=script, text=True, check=True, capture_output=True)
    return image


def sparse_file(path: Path, size: int) -> Path:
    """Make a file of zeros that takes no room."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def filled_file(path: Path, size: int, byte: bytes = b"\xa5") -> Path:
    """Make a file that stands for a used card: nothing in it is zero."""
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(byte * (1 << 20))
        file.write(byte * (size & (1 << 20) - 1))
    return path


def device_at(path: Path) -> BlockDevice:
    """Return the snapshot of a loop device."""
    device = find(str(path))
    assert device is not None
    assert device.is_loop
    return device


def run(*command: str) -> str:
    """Run a program and return what it prints; when it fails the test does, and shows why."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
