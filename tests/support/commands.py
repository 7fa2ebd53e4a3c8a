"""The command line in this process: a second faster than a process of its own, and the same but for signals."""

from __future__ import annotations

from subprocess import CompletedProcess
from typing import TYPE_CHECKING

from lkboard.cli.main import main

if TYPE_CHECKING:
    import pytest


def run_command(capsys: pytest.CaptureFixture[str], *arguments: object) -> CompletedProcess[str]:
    """Run a command and return its status and what it printed."""
    texts = [str(argument) for argument in arguments]
    capsys.readouterr()
    status = main(texts)
    printed = capsys.readouterr()
    return CompletedProcess(texts, status, printed.out, printed.err)
