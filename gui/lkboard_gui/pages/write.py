"""Write: the built image goes to a card or into a file, and is read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from lkboard.errors import LkboardError
from lkboard.events import Note, Progress, Step
from lkboard_gui.dialogs.confirm_write import ConfirmWrite
from lkboard_gui.models.devices import DevicesModel
from lkboard_gui.models.steps import StepsModel
from lkboard_gui.page import Page
from lkboard_gui.widgets.build_blocks import banner, button, muted, page_layout, show_banner, table

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QShowEvent

    from lkboard.app.write import WriteOptions
    from lkboard.events import Event, Job
    from lkboard.model.target import WritePlan, WriteResult
    from lkboard_gui.bridge import Task
    from lkboard_gui.models.project import Project

RESCAN_MS = 2000
STATE_COLUMN = 4
STEP_COLUMN = 1


class WritePage(QWidget):
    """Chooses a target, asks, and runs `lkboard.app.write`. No target is ever chosen for the user."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._task: Task | None = None
        self._devices = DevicesModel()
        self._steps = StepsModel()
        self.devices = table(self._devices, "Devices", stretch=STATE_COLUMN)
        self.target = QLineEdit()
        self.target.setObjectName("writeTarget")
        self.target.setAccessibleName("Target: a device or a file")
        self.target.setPlaceholderText("choose a device above, or a file")
        self.write_button = button("Write…", self.start, role="primary")
        self.write_button.setObjectName("writeButton")
        self.stop_button = button("Stop", self.stop)
        self.hint = muted("")
        self.result = banner()
        self.result.setObjectName("writeResult")
        self._timer = QTimer(self)
        self._timer.setInterval(RESCAN_MS)
        self._timer.timeout.connect(self._rescan)
        self._lay_out()
        self.devices.selectionModel().selectionChanged.connect(self._choose_device)
        self.target.textChanged.connect(self._enable)
        for signal in (project.results_changed, project.board_changed):
            signal.connect(self._enable)
        for task_signal in (project.task_started, project.task_ended):
            task_signal.connect(self._enable)
        self._enable()

    def start(self) -> None:
        """Look at the target, ask if something would be lost, and write."""
        from lkboard.app.write import WriteOptions, plan_write

        artifact = self._project.artifact
        if artifact is None or not self.write_button.isEnabled():
            return
        options = WriteOptions(source=artifact.path, target=self.target.text().strip())
        try:
            plan = plan_write(options)
        except LkboardError as error:
            show_banner(self.result, "bad", str(error))
            return
        if (plan.replaces or plan.device) and not ConfirmWrite(plan, self).exec():
            return
        self._write(options, plan)

    def stop(self) -> None:
        """Ask the writer to stop; the target is left blank."""
        if self._task is not None:
            self._task.cancel()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Look for devices while the page is seen."""
        super().showEvent(event)
        self._rescan()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Stop looking."""
        self._timer.stop()
        super().hideEvent(event)

    def _lay_out(self) -> None:
        layout = page_layout(self, "Write")
        layout.addWidget(self.hint)
        layout.addWidget(self.devices, 2)
        where = QHBoxLayout()
        where.addWidget(self.target, 1)
        where.addWidget(button("File…", self._choose_file))
        layout.addLayout(where)
        actions = QHBoxLayout()
        actions.addWidget(self.write_button)
        actions.addWidget(self.stop_button)
        actions.addStretch(1)
        layout.addLayout(actions)
        layout.addWidget(self.result)
        layout.addWidget(table(self._steps, "Steps of the write", stretch=STEP_COLUMN), 1)

    def _write(self, options: WriteOptions, plan: WritePlan) -> None:
        self._steps.clear()
        show_banner(self.result, "", "")
        task = self._project.run("write", lambda job: _write(options, plan, job))
        task.happened.connect(self._take_event)
        task.succeeded.connect(self._take_result)
        task.failed.connect(lambda error: show_banner(self.result, "bad", str(error)))
        task.cancelled.connect(lambda: show_banner(self.result, "", "Stopped. The target holds no finished image."))
        self._task = task
        self._enable()

    def _enable(self) -> None:
        project = self._project
        reason = self._why_not()
        self.write_button.setEnabled(not reason)
        self.write_button.setToolTip(reason)
        self.stop_button.setEnabled(project.task is not None and project.task is self._task)
        artifact = project.artifact
        self.hint.setText(reason or (f"Writes {artifact.path} and reads it back." if artifact else ""))

    def _why_not(self) -> str:
        project = self._project
        if project.task is not None:
            return f"A {project.task.name} is running."
        if project.artifact is None:
            return "Nothing to write: build an image first."
        if not project.is_built:
            return "The config or the board changed: build again first."
        if not self.target.text().strip():
            return "Insert an SD card or USB stick and choose it, or choose a file."
        return ""

    def _rescan(self) -> None:
        from lkboard.app.devices import list_devices

        self._devices.set_devices(list_devices())

    def _choose_device(self) -> None:
        rows = self.devices.selectionModel().selectedRows()
        if rows:
            self.target.setText(self._devices.path(rows[0].row()))

    def _choose_file(self) -> None:
        chosen, _filter = QFileDialog.getSaveFileName(
            self, "Write to file", self.target.text(), options=QFileDialog.Option.DontConfirmOverwrite
        )
        if chosen:
            self.devices.clearSelection()
            self.target.setText(chosen)

    def _take_event(self, event: Event) -> None:
        if isinstance(event, Step | Progress):
            self._steps.take(event)
        elif isinstance(event, Note) and event.level == "warning":
            show_banner(self.result, "", event.text)

    def _take_result(self, result: WriteResult) -> None:
        self._project.take_write_result(result)
        is_good = result.state == "verified"
        text = f"{result.target}: {result.state} after {result.seconds:.0f} s."
        show_banner(self.result, "ok" if is_good else "bad", text + (" It is safe to remove." if is_good else ""))


def _write(options: WriteOptions, plan: WritePlan, job: Job) -> WriteResult:
    from lkboard.app.write import write

    return write(options, plan, job)


PAGE = Page(id="write", title="Write", glyph="⇩", order=40, make=WritePage)
