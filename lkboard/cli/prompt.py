"""Ask a question on the terminal."""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.cli.render import Ui
    from lkboard.events import Job

_LOOK_SECONDS = 0.1


def ask(question: str, ui: Ui, job: Job) -> str:
    """Return the line that the user types, without blanks around it; empty at the end of input. Raises `Cancelled`."""
    ui.stderr.write(f"{question} ")
    ui.stderr.flush()
    # Ctrl-C only marks the job (main), so that a plain input() would go on waiting
    while not select.select([sys.stdin], [], [], _LOOK_SECONDS)[0]:
        job.check()
    job.check()
    return sys.stdin.readline().strip()
