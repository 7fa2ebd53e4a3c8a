"""The entry point ``lkboard-gui``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from lkboard import __version__
from lkboard.errors import LkboardError
from lkboard.events import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard_gui.main_window import MainWindow
    from lkboard_gui.theme import Colours

HEARTBEAT_MS = 200


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    from lkboard_gui.page import pages

    parser = argparse.ArgumentParser(
        prog="lkboard-gui", description="Edit a config, build it, boot it in QEMU and write it to a card."
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="config to open")
    parser.add_argument("--board", metavar="ID", help="board to choose (see: lkboard boards)")
    parser.add_argument("--theme", choices=("system", "light", "dark"), default="system", help="colours of the window")
    parser.add_argument("--screenshot", type=Path, metavar="PNG", help="save a picture of the window and quit")
    parser.add_argument("--page", choices=[page.id for page in pages()], help="page to show first")
    parser.add_argument("--version", action="version", version=f"lkboard-gui {__version__}")
    return parser.parse_args(argv)


def make_window(board: str | None = None) -> MainWindow:
    """Return the window for an empty project. Raises `LkboardError` when there is no such board."""
    from lkboard.app.boards import get_board, list_boards
    from lkboard_gui.main_window import MainWindow
    from lkboard_gui.models.project import Project

    project = Project(list_boards(Job()))
    if board:
        project.set_board(get_board(board).id)
    return MainWindow(project)


def _colours(theme: str) -> Colours:
    from lkboard_gui.theme import DARK, LIGHT, system_colours

    return {"light": LIGHT, "dark": DARK}.get(theme) or system_colours()


def main(argv: Sequence[str] | None = None) -> int:
    """Show the window until it is closed."""
    args = parse_arguments(sys.argv[1:] if argv is None else argv)
    app = QApplication(["lkboard-gui"])
    app.setApplicationName("lkboard")
    app.setApplicationVersion(__version__)
    from lkboard_gui import theme
    from lkboard_gui.garbage import GarbageCollector

    GarbageCollector(app)
    theme.apply(app, _colours(args.theme))
    try:
        window = make_window(args.board)
    except LkboardError as error:
        sys.stderr.write(f"lkboard-gui: {error}\n")
        return error.exit_status
    window.show()
    window.page("system").setFocus()
    if args.file:
        window.open(args.file)
    if args.page:
        window.go_to(args.page)
    if args.screenshot:
        QTimer.singleShot(1000, lambda: (window.grab().save(str(args.screenshot)), app.exit(0)))
    _close_on_signals(window)
    return app.exec()


def _close_on_signals(window: MainWindow) -> None:
    """Python sees signals only between bytecodes: a timer gives it a chance while Qt waits."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: window.close_at_once())
    timer = QTimer(window)
    timer.timeout.connect(lambda: None)
    timer.start(HEARTBEAT_MS)
