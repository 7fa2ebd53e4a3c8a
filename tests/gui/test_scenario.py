"""A scripted user: opens a config, mends an error, builds for the Raspberry Pi 3 and writes the image to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from support.kit import kit_store
from support.waiting import PATIENCE_MS

from lkboard.disk.fat_reader import FatReader
from lkboard.disk.inspect import partitions
from lkboard_gui.pages.build import BuildPage
from lkboard_gui.pages.system import SystemPage
from lkboard_gui.pages.write import WritePage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from lkboard_gui.main_window import MainWindow

EXAMPLE = Path(__file__).parents[2] / "resources" / "examples" / "web.yml"
BUILD_LIMIT_MS = 240_000


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LKBOARD_CACHE", str(kit_store()))


@pytest.mark.kit
@pytest.mark.usefixtures("store")
def test_from_a_broken_config_to_a_written_card(
    qtbot: QtBot, window: MainWindow, wait_for_check: Callable[[], None], tmp_path: Path
) -> None:
    system, build, write = window.page("system"), window.page("build"), window.page("write")
    assert isinstance(system, SystemPage)
    assert isinstance(build, BuildPage)
    assert isinstance(write, WritePage)
    config = tmp_path / "web.yml"
    config.write_text(EXAMPLE.read_text().replace("services:", "servises:"))

    window.open(config)
    wait_for_check()
    assert window.chips["valid"].text() == "✗ 1 error"
    system.go_to_next_problem(1)
    for _ in "servises":
        qtbot.keyClick(system.editor, Qt.Key.Key_Delete)
    qtbot.keyClicks(system.editor, "services")
    wait_for_check()
    assert window.chips["valid"].text() == "● Valid"

    qtbot.mouseClick(build.start_button, Qt.MouseButton.LeftButton)
    task = window.project.task
    assert task is not None
    with qtbot.waitSignal(task.ended, timeout=BUILD_LIMIT_MS):
        assert window.job_bar.isVisible()
    assert build.result.property("state") == "ok", build.result.text()
    assert "services:" in config.read_text()
    image = tmp_path / "web-rpi3.img"
    assert window.chips["built"].text() == "● Built"
    assert {path.name for path in tmp_path.glob("web-rpi3.img.*")} == {"web-rpi3.img.sha256", "web-rpi3.img.bmap"}

    target = tmp_path / "card.img"
    window.go_to("write")
    write.target.setText(str(target))
    with qtbot.waitSignal(window.project.task_ended, timeout=60_000):
        qtbot.mouseClick(write.start_button, Qt.MouseButton.LeftButton)
    assert write.result.property("state") == "ok", write.result.text()
    assert window.chips["written"].text() == "● Written"
    assert target.read_bytes() == image.read_bytes()
    (boot,) = partitions(target)
    with FatReader(target, boot.start_bytes) as reader:
        assert {"kernel8.img", "initrd.img", "config.txt", "start.elf"} <= set(reader.files())


@pytest.mark.kit
@pytest.mark.usefixtures("store")
def test_a_build_can_be_stopped(
    qtbot: QtBot, window: MainWindow, wait_for_check: Callable[[], None], tmp_path: Path
) -> None:
    build = window.page("build")
    assert isinstance(build, BuildPage)
    config = tmp_path / "web.yml"
    config.write_text(EXAMPLE.read_text())
    window.open(config)
    wait_for_check()
    qtbot.mouseClick(build.start_button, Qt.MouseButton.LeftButton)
    task = window.project.task
    assert task is not None
    with qtbot.waitSignal(task.cancelled, timeout=PATIENCE_MS):
        qtbot.mouseClick(build.stop_button, Qt.MouseButton.LeftButton)
    assert not (tmp_path / "web-rpi3.img").exists()
    assert "Stopped" in build.result.text()
