"""A themed application, and a window whose text the tests type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkboard_gui import theme
from lkboard_gui.app import make_window

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from lkboard_gui.main_window import MainWindow


@pytest.fixture
def app(qapp: QApplication) -> QApplication:
    theme.apply(qapp, theme.LIGHT)
    return qapp


@pytest.fixture
def window(app: QApplication, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    def leave_nothing(made: MainWindow) -> None:
        """Stop what runs and save what was typed, or closing the window asks."""
        task = made.project.task
        if task is not None:
            with qtbot.waitSignal(task.ended, timeout=10_000):
                task.cancel()
        made.project.save(tmp_path / "end.yml")

    made = make_window("rpi3")
    qtbot.addWidget(made, before_close_func=leave_nothing)
    made.show()
    return made
