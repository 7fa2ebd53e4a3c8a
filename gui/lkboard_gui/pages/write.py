"""Write: the built image goes to a card or into a file, and is read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit

from lkboard.events import Note, Progress, Step
from lkboard.model.target import WriteResult
from lkboard_gui.bridge import Task
from lkboard_gui.dialogs.confirm_write import ConfirmWrite
from lkboard_gui.models.devices import DevicesModel
from lkboard_gui.models.steps import StepsModel
from lkboard_gui.page import Page
from lkboard_gui.widgets.build_blocks import button, page_layout, table
from lkboard_gui.widgets.job_page import JobPage

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QShowEvent

    from lkboard.app.write import WriteOptions
    from lkboard.events import Event, Job
    from lkboard.model.target import WritePlan
    from lkboard_gui.models.project import Project

RESCAN_MS = 2000
STATE_COLUMN = 4
STEP_COLUMN = 1


class WritePage(JobPage):
    """Chooses a target, asks, and runs `lkboard.app.write`. No target is ever chosen for the user."""

    def __init__(self, project: Project) -> None:
        super().__init__(project, "Write…")
        self.start_button.setObjectName("writeButton")
        self._look: Task | None = None
        self._scan: Task | None = None
        self._devices = DevicesModel()
        self._steps = StepsModel()
        self.devices = table(self._devices, "Devices", stretch=STATE_COLUMN)
        self.target = QLineEdit()
        self.target.setObjectName("writeTarget")
        self.target.setAccessibleName("Target: a device or a file")
        self.target.setPlaceholderText("choose a device above, or a file")
        self._timer = QTimer(self)
        self._timer.setInterval(RESCAN_MS)
        self._timer.timeout.connect(self._rescan)
        self._lay_out()
        self.devices.selectionModel().selectionChanged.connect(self._choose_device)
        self.target.textChanged.connect(self.refresh)
        self.refresh()

    def start(self) -> None:
        """Look at the target; `confirm` follows with what was found."""
        from lkboard.app.write import WriteOptions, plan_write

        artifact = self.project.artifact
        if artifact is None or self.why_not():
            return
        options = WriteOptions(source=artifact.path, target=self.target.text().strip())
        self.say("", "")
        self._look = Task("look at the target", lambda _job: plan_write(options), self)
        self._look.succeeded.connect(lambda plan: self.confirm(options, plan))
        self._look.failed.connect(lambda error: self.say("bad", str(error)))
        self._look.ended.connect(self.refresh)
        self._look.start()
        self.refresh()

    def confirm(self, options: WriteOptions, plan: WritePlan) -> None:
        """Ask if something would be lost, and write."""
        if not plan.replaces and not plan.device:
            self._write(options, plan)
            return
        dialog = ConfirmWrite(plan, self)
        dialog.accepted.connect(lambda: self._write(options, plan))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def why_not(self) -> str:
        """Return why nothing can be written."""
        if self._look is not None and self._look.is_running:
            return "The target is being looked at."
        reason = self.why_no_artifact("write")
        if not reason and not self.target.text().strip():
            return "Insert an SD card or USB stick and choose it, or choose a file."
        return reason

    def invitation(self) -> str:
        """Return what would be written."""
        artifact = self.project.artifact
        return f"Writes {artifact.path} and reads it back." if artifact else ""

    def take_event(self, event: Event) -> None:
        """Show steps in the table and warnings above it."""
        if isinstance(event, Step | Progress):
            self._steps.take(event)
        elif isinstance(event, Note) and event.level == "warning":
            self.say("", event.text)

    def take_result(self, result: object) -> None:
        """Show how the write ended."""
        assert isinstance(result, WriteResult)
        self.project.take_write_result(result)
        is_good = result.state == "verified"
        text = f"{result.target}: {result.state} after {result.seconds:.0f} s."
        self.say("ok" if is_good else "bad", text + (" It is safe to remove." if is_good else ""))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Look for devices while the page is seen."""
        super().showEvent(event)
        self._rescan()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Stop looking."""
        self._timer.stop()
        super().hideEvent(event)

    def _write(self, options: WriteOptions, plan: WritePlan) -> None:
        self._steps.clear()
        self.run_task("write", lambda job: _write(options, plan, job))

    def _lay_out(self) -> None:
        layout = page_layout(self, "Write")
        layout.addWidget(self.hint)
        layout.addWidget(self.devices, 2)
        where = QHBoxLayout()
        where.addWidget(self.target, 1)
        where.addWidget(button("File…", self._choose_file))
        layout.addLayout(where)
        layout.addLayout(self.action_row())
        layout.addWidget(self.result)
        layout.addWidget(table(self._steps, "Steps of the write", stretch=STEP_COLUMN), 1)

    def _rescan(self) -> None:
        from lkboard.app.devices import list_devices

        if self._scan is not None and self._scan.is_running:
            return
        self._scan = Task("look for devices", lambda _job: list_devices(), self)
        self._scan.succeeded.connect(self._devices.set_devices)
        self._scan.ended.connect(self._scan.deleteLater)
        self._scan.ended.connect(self._forget_scan)
        self._scan.start()

    def _forget_scan(self) -> None:
        self._scan = None

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


def _write(options: WriteOptions, plan: WritePlan, job: Job) -> WriteResult:
    from lkboard.app.write import write

    return write(options, plan, job)


PAGE = Page(id="write", title="Write", glyph="⇩", order=40, make=WritePage)
