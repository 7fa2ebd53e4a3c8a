"""The boards that lkboard knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.events import Job
    from lkboard.model.board import Board


def list_boards(job: Job) -> tuple[Board, ...]:
    """Return all boards. One that cannot be read is left out, with a warning."""
    from lkboard.board.catalogue import read_catalogue

    catalogue = read_catalogue()
    for problem in catalogue.problems:
        job.note(f"this board is left out: {problem}", "warning")
    return catalogue.boards


def get_board(name: str) -> Board:
    """Return the board with this id, alias or folder. Raises `UsageError`, `BoardError`."""
    from lkboard.board.catalogue import find_board

    return find_board(name)
