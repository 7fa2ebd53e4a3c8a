"""Ask a question on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lkboard.cli.streams import wait_for_input

if TYPE_CHECKING:
    from lkboard.cli.render import Ui
    from lkboard.events import Job


def ask(question: str, ui: Ui, job: Job) -> str:
    """Return the line that the user types, without blanks around it; empty at the end of input. Raises `Cancelled`."""
    ui.stderr.write(f"{question} ")
    ui.stderr.flush()
    wait_for_input(job)
    return sys.stdin.readline().strip()
