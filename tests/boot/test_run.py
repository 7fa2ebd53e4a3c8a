"""``lkboard run`` with a real guest: its console is ours, and it has the disks that were asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.kit import kit_store
from support.tools import need

from lkboard.app.build import build
from lkboard.app.build_plan import BuildOptions
from lkboard.events import Job

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit]

TIME_LIMIT = 400.0
CONFIG = """\
kernel: {image: "lkboard/kernel:kit", cmdline: "console=ttyS0 panic=-1 lkb.console=shell"}
init: ["lkboard/init:kit", "lkboard/runc:kit"]
"""
COMMANDS = (
    b"mkdir -p /run/m; mount -rt iso9660 /dev/sr0 /run/m && cat /run/m/config; cat /proc/partitions\n"
    b"echo the-$((40+2))-end\n"
)
QUIT = b"\x01x"


def test_the_console_metadata_and_disks_of_a_run(tmp_path: Path) -> None:
    need("qemu-system-x86_64", "qemu-img")
    (tmp_path / "shell.yml").write_text(CONFIG)
    options = BuildOptions(
        files=(str(tmp_path / "shell.yml"),),
        formats=("kernel+initrd",),
        architecture="amd64",
        directory=str(tmp_path),
        cache=str(kit_store()),
    )
    build(options, Job())
    command = [sys.executable, "-m", "lkboard", "run", str(tmp_path / "shell"), "--accel", "tcg"]
    seen = _talk([*command, "--data", "metadata-of-mine", "--disk", "64M"])
    assert "metadata-of-mine" in seen
    assert "65536 vda" in " ".join(seen.split())


def _talk(command: list[str]) -> str:
    """Run, type the commands when the system is ready, end the machine with QEMU's keys; return the console."""
    seen = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(TIME_LIMIT, process.kill)
        watchdog.start()
        for line in process.stdout:
            seen.append(line.decode("utf-8", "replace"))
            if "lkb: ready" in seen[-1]:
                process.stdin.write(COMMANDS)
                process.stdin.flush()
            if "the-42-end" in seen[-1]:
                process.stdin.write(QUIT)
                process.stdin.flush()
        watchdog.cancel()
        assert process.wait() == 0
    return "".join(seen)
