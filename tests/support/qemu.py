"""Programs in place of QEMU for tests of what happens around it; real boots are in tests/boot."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Path:
    """Put emulators first in the search path that write their arguments to a file and then run a shell script.

    Returns the file: one argument a line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arguments = folder / "arguments"
    for name in ("qemu-system-x86_64", "qemu-system-aarch64"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {arguments}\n{script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return arguments
