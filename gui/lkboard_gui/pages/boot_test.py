"""Test: boot the built image in QEMU and see how far it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QSpinBox

from lkboard.events import Line
from lkboard.model.verdict import Verdict
from lkboard_gui.page import Page
from lkboard_gui.widgets.build_blocks import page_layout
from lkboard_gui.widgets.console_view import ConsoleView
from lkboard_gui.widgets.job_page import JobPage

if TYPE_CHECKING:
    from lkboard.events import Event, Job
    from lkboard.model.verdict import Stage
    from lkboard_gui.models.project import Project

STAGE_MARKS = {"seen": "✓", "not seen": "✗", "unknown": "·"}
TIME_LIMIT_SECONDS = 180


class BootTestPage(JobPage):
    """Runs `lkboard.app.boot_test` on the built image; the console is shown while it runs."""

    def __init__(self, project: Project) -> None:
        super().__init__(project, "Boot in QEMU")
        self.start_button.setObjectName("testButton")
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
        self.stages = QLabel()
        self.stages.setObjectName("stages")
        self.console = ConsoleView("Console of the guest")
        self._lay_out()
        self.refresh()

    def start(self) -> None:
        """Boot the artifact."""
        artifact = self.project.artifact
        if artifact is None or self.why_not():
            return
        self.console.clear()
        self.stages.clear()
        board, expected = self.project.board.id, (self.expect.text().strip(), self.http.text().strip())
        limit = float(self.limit.value())
        self.run_task("test", lambda job: _boot(artifact.path, board, expected, limit, job))

    def why_not(self) -> str:
        """Return why there is nothing to boot."""
        if self.project.board.emulation is None:
            return f"{self.project.board.title} cannot be emulated."
        return self.why_no_artifact("test")

    def invitation(self) -> str:
        """Return what would happen to the image: nothing."""
        return "Boots a throw-away copy: the image is not changed."

    def take_event(self, event: Event) -> None:
        """Show what the guest prints."""
        if isinstance(event, Line):
            self.console.appendPlainText(event.text)

    def take_result(self, result: object) -> None:
        """Show the verdict and its stages."""
        assert isinstance(result, Verdict)
        self.project.take_verdict(result)
        self.stages.setText("     ".join(_stage(stage) for stage in result.stages))
        word = "Passed" if result.passed else "Failed"
        text = f"{word} after {result.seconds:.0f} s: {result.reason}."
        if result.hint:
            text += f"\n{result.hint}"
        if result.not_covered:
            text += "\nNot covered by the emulation: " + ", ".join(result.not_covered) + "."
        self.say("ok" if result.passed else "bad", text)

    def _lay_out(self) -> None:
        layout = page_layout(self, "Test in QEMU")
        layout.addWidget(self.hint)
        form = QFormLayout()
        form.addRow("Passes when the console shows", self.expect)
        form.addRow("Passes when this port answers", self.http)
        form.addRow("Time limit", self.limit)
        layout.addLayout(form)
        layout.addLayout(self.action_row())
        layout.addWidget(self.result)
        layout.addWidget(self.stages)
        layout.addWidget(self.console, 1)


def _stage(stage: Stage) -> str:
    time = f" {stage.seconds:.0f} s" if stage.seconds is not None else ""
    return f"{STAGE_MARKS[stage.state]} {stage.name}{time}"


def _boot(image: str, board: str, expected: tuple[str, str], limit: float, job: Job) -> Verdict:
    """Boot with an expected console text and an HTTP port; each may be empty."""
    from lkboard.app.boot_test import TestOptions, boot_test

    expect, http = expected
    options = TestOptions(
        image=image,
        board=board,
        expect=(expect,) if expect else (),
        expect_http=(http,) if http else (),
        timeout=limit,
    )
    return boot_test(options, job)


PAGE = Page(id="test", title="Test", glyph="▷", order=30, make=BootTestPage)
