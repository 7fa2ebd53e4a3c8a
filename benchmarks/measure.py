"""What a process costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MIB = 1 << 20
LKBOARD = (sys.executable, "-m", "lkboard")


@dataclass(frozen=True)
class Cost:
    """Wall and processor seconds of a process, and the bytes of its largest resident set."""

    wall: float
    processor: float
    memory: int


def cost(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command and return what it took. Ends this process when the command fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)
