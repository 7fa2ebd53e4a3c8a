"""Type commands into the shell of a machine that ``lkboard run`` plays."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.events import Job
from support.kit import kit_store

if TYPE_CHECKING:
    from pathlib import Path

TIME_LIMIT = 400.0
"""Seconds; many times what an idle machine takes (boot.md section 1)."""

SHELL = """\
kernel: {image: "lkboard/kernel:kit", cmdline: "console=ttyS0 panic=-1 lkb.console=shell"}
init: ["lkboard/init:kit", "lkboard/runc:kit"]
"""
"""A config whose console is a shell."""

_END = b"echo the-$((40+2))-end\n"
_QUIT = b"\x01x"


def built_shell(folder: Path, *formats: str, more: str = "") -> Path:
    """Return the base name of a system with a shell in some formats; ``more`` is appended to its config."""
    (folder / "shell.yml").write_text(SHELL + more)
    options = BuildOptions(
        files=(str(folder / "shell.yml"),),
        formats=formats,
        architecture="amd64",
        directory=str(folder),
        cache=str(kit_store()),
    )
    build(options, Job())
    return folder / "shell"


def talk(image: Path, commands: str, *options: str) -> str:
    """Run an image, type commands when it is ready, end the machine with QEMU's keys; return the console."""
    command = [sys.executable, "-m", "lkboard", "run", str(image), "--accel", "tcg", *options]
    seen = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(TIME_LIMIT, process.kill)
        watchdog.start()
        for line in process.stdout:
            seen.append(line.decode("utf-8", "replace"))
            if "lkb: ready" in seen[-1]:
                process.stdin.write(commands.encode() + _END)
                process.stdin.flush()
            if "the-42-end" in seen[-1]:
                process.stdin.write(_QUIT)
                process.stdin.flush()
        watchdog.cancel()
        assert process.wait() == 0
    return "".join(seen)
