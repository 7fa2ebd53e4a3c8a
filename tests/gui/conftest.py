"""A themed application, and a window whose text the tests type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.waiting import PATIENCE_MS

from lkboard_gui import theme
from lkboard_gui.app import make_window
from lkboard_gui.garbage import GarbageCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from lkboard_gui.main_window import MainWindow


@pytest.fixture
def app(qapp: QApplication) -> Iterator[QApplication]:
    theme.apply(qapp, theme.LIGHT)
    collector = GarbageCollector(qapp)
    yield qapp
    collector.stop()


@pytest.fixture
def wait_for_check(qtbot: QtBot, window: MainWindow) -> Callable[[], None]:
    """Return a function that waits until what is in the editor was checked."""
    return lambda: qtbot.waitUntil(lambda: window.project.is_checked, timeout=PATIENCE_MS)


@pytest.fixture
def window(app: QApplication, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    def leave_nothing(made: MainWindow) -> None:
        """Stop what runs and save what was typed, or closing the window asks."""
        task = made.project.task
        if task is not None:
            with qtbot.waitSignal(task.ended, timeout=PATIENCE_MS):
                task.cancel()
        made.project.save(tmp_path / "end.yml")

    made = make_window("rpi3")
    qtbot.addWidget(made, before_close_func=leave_nothing)
    made.show()
    return made
