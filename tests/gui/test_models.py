"""Table models obey Qt's rules and show what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, Qt

from lkboard.app.devices import ListedDevice
from lkboard.errors import Place, Problem
from lkboard.events import Progress, Step
from lkboard.model.device import Assessment, BlockDevice
from lkboard_gui.models.devices import DevicesModel
from lkboard_gui.models.problems import ProblemsModel
from lkboard_gui.models.steps import StepsModel
from lkboard_gui.theme import LIGHT

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.modeltest import ModelTester


def rows(model: QAbstractTableModel) -> list[list[object]]:
    columns = range(model.columnCount())
    return [[model.data(model.index(row, column)) for column in columns] for row in range(model.rowCount())]


def test_problems(app: QApplication, qtmodeltester: ModelTester) -> None:
    model = ProblemsModel(LIGHT)
    model.set_problems((Problem(Place("a.yml", 3, 5), "files.0", "no path", "add one", severity="warning"),))
    qtmodeltester.check(model)
    assert rows(model) == [["⚠ warning", "3", "files.0", "no path — add one"]]


def test_steps_follow_their_events(app: QApplication, qtmodeltester: ModelTester) -> None:
    model = StepsModel()
    model.take(Step("Pull", "started"))
    model.take(Progress("Pull", 5 << 20, 10 << 20))
    assert rows(model) == [["▶", "Pull", "5 of 10 MiB", ""]]
    model.take(Step("Pull", "done", 1.25))
    model.take(Step("Write", "started"))
    model.take(Step("Write", "failed", 0.5))
    qtmodeltester.check(model)
    assert rows(model) == [["✓", "Pull", "5 of 10 MiB", "1.2 s"], ["✗", "Write", "", "0.5 s"]]
    model.clear()
    assert rows(model) == []


def test_progress_of_an_unknown_step_is_ignored(app: QApplication) -> None:
    model = StepsModel()
    model.take(Progress("Pull", 1, 2))
    assert rows(model) == []


def test_a_refused_device_is_listed_with_its_reason_and_cannot_be_chosen(
    app: QApplication, qtmodeltester: ModelTester
) -> None:
    card = BlockDevice(path="/dev/sdx", number=(8, 0), size_bytes=32 << 30, id="A1", vendor="SanDisk", model="Ultra")
    disk = BlockDevice(path="/dev/nvme9n1", number=(259, 0), size_bytes=500 << 30, id="B2", model="SSD 980")
    model = DevicesModel()
    model.set_devices(
        (
            ListedDevice(card, Assessment("allowed")),
            ListedDevice(disk, Assessment("refused", ("it holds this computer's system",))),
        )
    )
    qtmodeltester.check(model)
    assert rows(model)[0] == ["▭", "SanDisk Ultra", "/dev/sdx", "32.0 GiB", "ready"]
    assert rows(model)[1][4] == "it holds this computer's system"
    assert model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsSelectable
    assert not model.flags(model.index(1, 0)) & Qt.ItemFlag.ItemIsSelectable
