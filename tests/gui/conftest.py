"""A themed application, and a window whose text the tests type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QApplication

from lkboard_gui import theme
from lkboard_gui.app import make_window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from lkboard_gui.main_window import MainWindow


@pytest.fixture
def app(qapp: QApplication) -> QApplication:
    theme.apply(qapp, theme.LIGHT)
    return qapp


@pytest.fixture
def window(app: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    made = make_window("rpi3")
    qtbot.addWidget(made)
    made.show()
    yield made
    if made.project.task is not None:
        task = made.project.task
        with qtbot.waitSignal(task.ended, timeout=10_000):
            task.cancel()
    made.project.save(tmp_path / "end.yml")  # or closing asks what to do with the changes
