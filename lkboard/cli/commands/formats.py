"""``lkboard formats``: list the output formats."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command

if TYPE_CHECKING:
    import argparse

    from lkboard.app.formats import ListedFormat
    from lkboard.cli.render import Ui
    from lkboard.events import Job


def _run(_args: argparse.Namespace, ui: Ui, _job: Job) -> int:
    from lkboard.app.formats import list_formats

    formats = list_formats()
    width = max(len(found.name) for found in formats)
    for found in formats:
        ui.result(f"{found.name:<{width}}  {found.title}: {_files(found)}", **asdict(found))
    return 0


def _files(found: ListedFormat) -> str:
    if found.needs_board:
        return "made with --board"
    return " ".join(f"NAME{suffix}" for suffix in found.outputs)


COMMAND = Command(
    name="formats",
    group="boards and images",
    summary="list the output formats and the files that each makes",
    example="lkboard formats",
    run=_run,
)
