"""The window as a user meets it: typing, marks, chips, pages, keys, names for screen readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
)
from support.waiting import PATIENCE_MS

from lkboard.errors import UsageError
from lkboard_gui.app import make_window
from lkboard_gui.page import pages
from lkboard_gui.pages.build import BuildPage
from lkboard_gui.pages.system import SystemPage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from lkboard_gui.main_window import MainWindow

GOOD = "kernel:\n  image: lkboard/kernel:kit\ninit:\n  - lkboard/init:kit\n"
BAD = GOOD + "services:\n  - name: web\n    imgae: lkboard/web:kit\n"


@pytest.fixture
def system(window: MainWindow) -> SystemPage:
    page = window.page("system")
    assert isinstance(page, SystemPage)
    return page


@pytest.fixture
def build(window: MainWindow) -> BuildPage:
    page = window.page("build")
    assert isinstance(page, BuildPage)
    return page


@pytest.fixture
def type_text(system: SystemPage, wait_for_check: Callable[[], None]) -> Callable[[str], None]:
    """Return a function that puts a text into the editor and waits until it was checked."""

    def put(text: str) -> None:
        system.editor.setPlainText(text)
        wait_for_check()

    return put


def test_a_good_config_is_valid(window: MainWindow, type_text: Callable[[str], None]) -> None:
    type_text(GOOD)
    assert window.project.error_count == 0
    assert window.chips["valid"].text() == "● Valid"


def test_a_mistake_is_marked_listed_and_counted(
    window: MainWindow, system: SystemPage, type_text: Callable[[str], None]
) -> None:
    type_text(BAD)
    lines = [problem.place.line for problem in window.project.problems if problem.severity == "error"]
    assert 7 in lines
    assert "error" in window.chips["valid"].text()
    assert system.model.rowCount() == len(window.project.problems)
    marked = {selection.cursor.blockNumber() + 1 for selection in system.editor.extraSelections()[1:]}
    assert set(lines) <= marked


def test_mending_the_mistake_clears_everything(
    window: MainWindow, system: SystemPage, type_text: Callable[[str], None]
) -> None:
    type_text(BAD)
    type_text(BAD.replace("imgae", "image"))
    assert window.project.error_count == 0
    assert len(system.editor.extraSelections()) == 1


def test_typing_quickly_checks_the_last_text(qtbot: QtBot, window: MainWindow, system: SystemPage) -> None:
    system.editor.setFocus()
    system.editor.setPlainText(GOOD)
    for key in "servises:":
        qtbot.keyClick(system.editor, key)
    qtbot.waitUntil(lambda: window.chips["valid"].text().startswith("✗"), timeout=PATIENCE_MS)
    assert any("servises" in problem.message for problem in window.project.problems)


def test_f8_goes_to_the_problem(system: SystemPage, type_text: Callable[[str], None]) -> None:
    type_text(BAD)
    system.go_to_next_problem(1)
    problem = system.model.problem(0)
    assert system.editor.textCursor().blockNumber() + 1 == problem.place.line


def test_no_problem_to_go_to(system: SystemPage, type_text: Callable[[str], None]) -> None:
    type_text("{}\n")
    system.go_to_next_problem(1)
    assert system.editor.textCursor().position() == 0


def test_a_file_is_opened_edited_and_saved(
    qtbot: QtBot, window: MainWindow, system: SystemPage, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.yml"
    path.write_text(GOOD)
    window.open(path)
    assert window.windowTitle() == "gateway.yml — lkboard"
    system.editor.appendPlainText("files: []")
    assert window.project.is_modified
    assert "●" in window.windowTitle()
    assert window.save()
    assert path.read_text() == GOOD + "\nfiles: []"
    assert not window.project.is_modified
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def stuck(window: MainWindow, system: SystemPage, wait_for_check: Callable[[], None], tmp_path: Path) -> Path:
    """Return the path of an open, edited config that nothing can be saved at: a folder has its name now."""
    path = tmp_path / "stuck.yml"
    path.write_text(GOOD)
    window.open(path)
    path.unlink()
    path.mkdir()
    system.editor.appendPlainText("files: []")
    wait_for_check()
    return path


def test_why_a_file_cannot_be_saved_is_said(window: MainWindow, stuck: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(QMessageBox, "warning", lambda _parent, _title, text: said.append(text))
    assert not window.save()
    assert [text.partition(": ")[0] for text in said] == [str(stuck)]
    assert window.project.is_modified


def test_what_cannot_be_saved_is_not_built(window: MainWindow, build: BuildPage, stuck: Path) -> None:
    build.start()
    assert window.project.task is None
    assert str(stuck) in build.result.text()


def test_building_needs_a_saved_and_valid_config(
    window: MainWindow,
    build: BuildPage,
    tmp_path: Path,
    type_text: Callable[[str], None],
    wait_for_check: Callable[[], None],
) -> None:
    assert not build.start_button.isEnabled()
    path = tmp_path / "x.yml"
    path.write_text(BAD)
    window.open(path)
    wait_for_check()
    assert not build.start_button.isEnabled()
    assert "errors" in build.start_button.toolTip()
    type_text(GOOD)
    assert build.start_button.isEnabled()
    assert build.output.text() == str(tmp_path / "x-rpi3.img")


def test_choosing_a_board_renames_the_image_and_checks_again(
    window: MainWindow, build: BuildPage, tmp_path: Path, wait_for_check: Callable[[], None]
) -> None:
    path = tmp_path / "x.yml"
    path.write_text(GOOD)
    window.open(path)
    window.board_box.setCurrentIndex(window.board_box.findData("x86-efi"))
    wait_for_check()
    assert window.project.board.id == "x86-efi"
    assert build.output.text().endswith("x-x86-efi.img")


def test_a_chip_leads_to_its_page(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.mouseClick(window.chips["written"], Qt.MouseButton.LeftButton)
    assert window.stack.currentWidget() is window.page("write")


def test_every_page_has_a_key(qtbot: QtBot, window: MainWindow) -> None:
    shortcuts = {
        action.shortcut().toString() for menu in window.menuBar().actions() for action in menu.menu().actions()
    }
    assert {f"Alt+{number}" for number in range(1, len(pages()) + 1)} <= shortcuts


INTERACTIVE = (QPushButton, QToolButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractItemView)


def test_everything_one_can_use_has_a_name(window: MainWindow) -> None:
    nameless = [
        widget
        for kind in INTERACTIVE
        for widget in window.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)())
        and not widget.objectName().startswith("qt_")
        and not _is_inner(widget)
    ]
    assert [f"{type(widget).__name__} {widget.objectName()}" for widget in nameless] == []


def _is_inner(widget: QWidget) -> bool:
    """Whether Qt made the widget as a part of another (a spin box's line edit, a combo box's list)."""
    parent = widget.parent()
    return type(parent).__name__ in {"QSpinBox", "QComboBox", "QFrame", "QComboBoxPrivateContainer", "QTableView"}


def test_every_disabled_button_says_why(window: MainWindow) -> None:
    for name in ("buildButton", "testButton", "writeButton"):
        button = window.findChild(QPushButton, name)
        assert button is not None
        assert not button.isEnabled()
        assert button.toolTip()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.id)
def test_a_page_draws_something(qtbot: QtBot, window: MainWindow, page: object) -> None:
    window.go_to(page.id)  # type: ignore[attr-defined]
    image = window.grab().toImage()
    colours = {
        image.pixelColor(x, y).name() for x in range(100, image.width(), 7) for y in range(60, image.height(), 7)
    }
    assert len(colours) > 3


def test_an_unknown_board_is_an_error(app: QApplication) -> None:
    with pytest.raises(UsageError):
        make_window("rpi33")
