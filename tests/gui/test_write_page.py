"""Nothing is erased by accident: the question, the button that is held, the word that is typed, and closing early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog
from support.waiting import PATIENCE_MS

from lkboard.model.artifact import Artifact
from lkboard.model.device import Assessment, BlockDevice
from lkboard.model.target import WritePlan
from lkboard_gui.dialogs.confirm_write import WORD, ConfirmWrite
from lkboard_gui.pages.write import WritePage
from lkboard_gui.widgets.hold_button import HOLD_MS, HoldButton

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from lkboard.events import Job
    from lkboard_gui.main_window import MainWindow

CARD = BlockDevice(path="/dev/sdx", number=(8, 0), size_bytes=32 << 30, id="A41C", vendor="SanDisk", model="Ultra <b>")
PLAN = WritePlan("x.img", "/dev/sdx", 64 << 20, 10 << 20, ("/dev/sdx1  vfat  PHOTOS",), CARD, Assessment("allowed"))


@pytest.fixture
def dialog(app: QApplication, qtbot: QtBot) -> ConfirmWrite:
    made = ConfirmWrite(PLAN)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def page(window: MainWindow, tmp_path: Path) -> WritePage:
    """The write page of a project whose image was built: an image that only has a partition table."""
    image = tmp_path / "x.img"
    image.write_bytes(bytes(510) + b"\x55\xaa" + bytes(2 << 20))
    window.project.take_artifact(Artifact(str(image), "sdcard", image.stat().st_size, 512), window.project.key)
    found = window.page("write")
    assert isinstance(found, WritePage)
    return found


def test_the_question_names_the_device_and_what_is_on_it(dialog: ConfirmWrite) -> None:
    text = "\n".join(line.text() for line in dialog.lines)
    for part in ("/dev/sdx", "SanDisk Ultra <b>", "32.0 GiB", "A41C", "PHOTOS"):
        assert part in text
    assert all(line.textFormat() == Qt.TextFormat.PlainText for line in dialog.lines)


def test_cancel_is_what_enter_and_escape_do(qtbot: QtBot, dialog: ConfirmWrite) -> None:
    assert dialog.cancel_button.isDefault()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.result() == QDialog.DialogCode.Rejected


def test_letting_go_early_does_nothing(qtbot: QtBot, dialog: ConfirmWrite) -> None:
    qtbot.mousePress(dialog.hold_button, Qt.MouseButton.LeftButton)
    qtbot.wait(HOLD_MS // 3)
    qtbot.mouseRelease(dialog.hold_button, Qt.MouseButton.LeftButton)
    with qtbot.assertNotEmitted(dialog.accepted, wait=HOLD_MS):
        pass


def test_holding_the_button_accepts(qtbot: QtBot, dialog: ConfirmWrite) -> None:
    with qtbot.waitSignal(dialog.accepted, timeout=PATIENCE_MS):
        qtbot.mousePress(dialog.hold_button, Qt.MouseButton.LeftButton)


def test_holding_enter_accepts(app: QApplication, qtbot: QtBot) -> None:
    button = HoldButton("Erase", "#ff0000")
    qtbot.addWidget(button)
    button.show()
    with qtbot.waitSignal(button.held, timeout=PATIENCE_MS):
        qtbot.keyPress(button, Qt.Key.Key_Return)


@pytest.mark.parametrize(("word", "is_accepted"), [(WORD, True), (WORD.lower(), False), ("", False)])
def test_only_the_word_accepts(qtbot: QtBot, dialog: ConfirmWrite, word: str, *, is_accepted: bool) -> None:
    qtbot.keyClicks(dialog.word, word)
    qtbot.keyClick(dialog.word, Qt.Key.Key_Return)
    assert (dialog.result() == QDialog.DialogCode.Accepted) == is_accepted


def test_an_existing_file_is_asked_for(qtbot: QtBot, window: MainWindow, page: WritePage, tmp_path: Path) -> None:
    target = tmp_path / "old.img"
    target.write_text("precious")
    page.target.setText(str(target))
    asked: list[ConfirmWrite] = []

    def refuse() -> bool:
        found = [child for child in page.findChildren(ConfirmWrite) if child.isVisible()]
        if found:
            asked.append(found[0])
            found[0].reject()
        return bool(found)

    qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(refuse, timeout=PATIENCE_MS)
    qtbot.waitUntil(page.start_button.isEnabled, timeout=PATIENCE_MS)
    assert str(target) in asked[0].lines[0].text()
    assert target.read_text() == "precious"
    assert window.project.task is None


def test_a_target_that_cannot_be_written_is_explained(qtbot: QtBot, page: WritePage) -> None:
    page.target.setText("/nonexistent/x.img")
    qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "/nonexistent" in page.result.text(), timeout=PATIENCE_MS)
    assert page.result.property("state") == "bad"


def test_devices_are_looked_for_while_the_page_is_seen(qtbot: QtBot, window: MainWindow, page: WritePage) -> None:
    from lkboard.app.devices import list_devices

    window.go_to("write")
    model = page.devices.model()
    assert model is not None
    qtbot.waitUntil(lambda: model.rowCount() == len(list_devices()), timeout=PATIENCE_MS)


def test_closing_waits_until_the_job_has_cleaned_up(qtbot: QtBot, window: MainWindow) -> None:
    cleaned: list[bool] = []

    def work(job: Job) -> None:
        try:
            job.wait(60)
        finally:
            cleaned.append(True)

    window.project.run("write", work)
    window.close_at_once()
    assert window.isVisible()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE_MS)
    assert cleaned == [True]
