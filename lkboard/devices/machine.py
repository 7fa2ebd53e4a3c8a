"""Where the kernel and udev tell about block devices. The roots are values, so that recorded machines can be judged."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The roots of sysfs, procfs, udev's database and the device nodes."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    udev: Path = Path("/run/udev/data")
    dev: Path = Path("/dev")


HOST = Machine()


def read_text(path: Path) -> str:
    """Return a file's text without blanks around it; empty when it cannot be read, as sysfs files come and go."""
    with contextlib.suppress(OSError):
        return path.read_bytes().decode("utf-8", "replace").strip("\0 \t\n")
    return ""


def read_int(path: Path) -> int:
    """Return the number that a file holds, 0 when there is none."""
    text = read_text(path)
    return int(text) if text.isdecimal() else 0


def udev_properties(machine: Machine, number: tuple[int, int]) -> dict[str, str] | None:
    """Return what udev knows about a block device, or None when it has no record of it (udev is not running)."""
    path = machine.udev / f"b{number[0]}:{number[1]}"
    if not path.is_file():
        return None
    # not splitlines: a label may hold characters that are line ends elsewhere
    pairs = (line[2:].partition("=") for line in read_text(path).split("\n") if line.startswith("E:"))
    return {name: value for name, _equals, value in pairs}
