"""Test: boot the built image in QEMU and see how far it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QLineEdit, QSpinBox, QWidget

from lkboard.events import Line
from lkboard_gui.page import Page
from lkboard_gui.widgets.build_blocks import banner, button, muted, page_layout, show_banner
from lkboard_gui.widgets.console_view import ConsoleView

if TYPE_CHECKING:
    from lkboard.errors import LkboardError
    from lkboard.events import Event, Job
    from lkboard.model.verdict import Stage, Verdict
    from lkboard_gui.bridge import Task
    from lkboard_gui.models.project import Project

STAGE_MARKS = {"seen": "✓", "not seen": "✗", "unknown": "·"}
TIME_LIMIT_SECONDS = 180


class BootTestPage(QWidget):
    """Runs `lkboard.app.boot_test` on the built image; the console is shown while it runs."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._task: Task | None = None
        self.expect = QLineEdit()
        self.expect.setAccessibleName("Text expected on the console")
        self.expect.setPlaceholderText("optional, such as: login:")
        self.http = QLineEdit()
        self.http.setAccessibleName("HTTP port and path expected to answer")
        self.http.setPlaceholderText("optional, such as: 80/index.html")
        self.limit = QSpinBox()
        self.limit.setAccessibleName("Time limit in seconds")
        self.limit.setRange(10, 3600)
        self.limit.setValue(TIME_LIMIT_SECONDS)
        self.limit.setSuffix(" s")
        self.limit.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.test_button = button("Boot in QEMU", self.start, role="primary")
        self.test_button.setObjectName("testButton")
        self.stop_button = button("Stop", self.stop)
        self.hint = muted("")
        self.result = banner()
        self.result.setObjectName("testResult")
        self.stages = QLabel()
        self.stages.setObjectName("stages")
        self.console = ConsoleView("Console of the guest")
        self._lay_out()
        for signal in (project.results_changed, project.board_changed):
            signal.connect(self._enable)
        for task_signal in (project.task_started, project.task_ended):
            task_signal.connect(self._enable)
        self._enable()

    def start(self) -> None:
        """Boot the artifact."""
        artifact = self._project.artifact
        if artifact is None or not self.test_button.isEnabled():
            return
        self.console.clear()
        self.stages.clear()
        show_banner(self.result, "", "")
        board, expect, http = self._project.board.id, self.expect.text().strip(), self.http.text().strip()
        limit = float(self.limit.value())
        task = self._project.run("test", lambda job: _boot(artifact.path, board, (expect, http), limit, job))
        task.happened.connect(self._take_event)
        task.succeeded.connect(self._take_verdict)
        task.failed.connect(self._take_failure)
        task.cancelled.connect(lambda: show_banner(self.result, "", "Stopped."))
        self._task = task
        self._enable()

    def stop(self) -> None:
        """Ask the emulator to stop."""
        if self._task is not None:
            self._task.cancel()

    def _lay_out(self) -> None:
        layout = page_layout(self, "Test in QEMU")
        layout.addWidget(self.hint)
        form = QFormLayout()
        form.addRow("Passes when the console shows", self.expect)
        form.addRow("Passes when this port answers", self.http)
        form.addRow("Time limit", self.limit)
        layout.addLayout(form)
        actions = QHBoxLayout()
        actions.addWidget(self.test_button)
        actions.addWidget(self.stop_button)
        actions.addStretch(1)
        layout.addLayout(actions)
        layout.addWidget(self.result)
        layout.addWidget(self.stages)
        layout.addWidget(self.console, 1)

    def _enable(self) -> None:
        project = self._project
        reason = self._why_not()
        self.test_button.setEnabled(not reason)
        self.test_button.setToolTip(reason)
        self.stop_button.setEnabled(project.task is not None and project.task is self._task)
        self.hint.setText(reason or "Boots a throw-away copy: the image is not changed.")

    def _why_not(self) -> str:
        project = self._project
        if project.task is not None:
            return f"A {project.task.name} is running."
        if project.artifact is None:
            return "Nothing to test: build an image first."
        if not project.is_built:
            return "The config or the board changed: build again first."
        if project.board.emulation is None:
            return f"{project.board.title} cannot be emulated."
        return ""

    def _take_event(self, event: Event) -> None:
        if isinstance(event, Line):
            self.console.appendPlainText(event.text)

    def _take_verdict(self, verdict: Verdict) -> None:
        self._project.take_verdict(verdict)
        self.stages.setText("     ".join(_stage(stage) for stage in verdict.stages))
        if verdict.passed:
            text = f"Passed after {verdict.seconds:.0f} s: {verdict.reason}."
        else:
            text = f"Failed after {verdict.seconds:.0f} s: {verdict.reason}. {verdict.hint}".rstrip()
        if verdict.not_covered:
            text += "\nNot covered by the emulation: " + ", ".join(verdict.not_covered) + "."
        show_banner(self.result, "ok" if verdict.passed else "bad", text)

    def _take_failure(self, error: LkboardError) -> None:
        show_banner(self.result, "bad", str(error))


def _stage(stage: Stage) -> str:
    time = f" {stage.seconds:.0f} s" if stage.seconds is not None else ""
    return f"{STAGE_MARKS[stage.state]} {stage.name}{time}"


def _boot(image: str, board: str, expected: tuple[str, str], limit: float, job: Job) -> Verdict:
    """Boot with an expected console text and an HTTP port; each may be empty."""
    from lkboard.app.boot_test import TestOptions, boot_test

    expect, http = expected
    test = TestOptions(
        image=image,
        board=board,
        expect=(expect,) if expect else (),
        expect_http=(http,) if http else (),
        timeout=limit,
    )
    return boot_test(test, job)


PAGE = Page(id="test", title="Test", glyph="▷", order=30, make=BootTestPage)
