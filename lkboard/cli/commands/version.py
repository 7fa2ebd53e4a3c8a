"""``lkboard version``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard import __version__
from lkboard.cli.command import Command

if TYPE_CHECKING:
    import argparse

    from lkboard.cli.render import Ui
    from lkboard.events import Job


def run(_args: argparse.Namespace, ui: Ui, _job: Job) -> int:
    """Print the version."""
    ui.result(f"lkboard {__version__}", version=__version__)
    return 0


COMMAND = Command(name="version", group="other", summary="print the version", example="lkboard version", run=run)
