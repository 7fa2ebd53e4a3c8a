"""The kernel's command line on a board (decisions, "Build")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.board import Board


def command_line(board: Board, config_cmdline: str) -> str:
    """Return the config's command line, used as it is, with what the board adds.

    The board's consoles are added only when the config names none at all; its other arguments always.
    """
    has_console = any(word.startswith("console=") for word in config_cmdline.split())
    consoles = () if has_console else tuple(f"console={console}" for console in board.console)
    return " ".join(part for part in (config_cmdline, *consoles, *board.arguments) if part)
