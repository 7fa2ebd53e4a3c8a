"""``lkboard boards``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.cli.command import Command

if TYPE_CHECKING:
    import argparse

    from lkboard.cli.render import Ui
    from lkboard.events import Job

_COLUMNS = ("id", "title", "architecture", "format", "support")


def run(_args: argparse.Namespace, ui: Ui, job: Job) -> int:
    """Print a table of the boards, or with ``--json`` one line for each."""
    from lkboard.app.boards import list_boards

    rows = [{column: getattr(board, column) for column in _COLUMNS} for board in list_boards(job)]
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in _COLUMNS}
    if not ui.is_json:
        ui.result("  ".join(column.upper().ljust(widths[column]) for column in _COLUMNS).rstrip())
    for row in rows:
        ui.result("  ".join(row[column].ljust(widths[column]) for column in _COLUMNS).rstrip(), **row)
    return 0


COMMAND = Command(
    name="boards",
    group="boards and images",
    summary="list the boards that images can be built for",
    example="lkboard boards",
    run=run,
)
