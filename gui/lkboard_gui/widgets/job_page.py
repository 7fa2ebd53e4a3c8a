"""What the pages that run a use case have in common: why it cannot start, start and stop, and how it ended."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QWidget

from lkboard_gui.widgets.build_blocks import banner, button, muted, show_banner

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QPushButton

    from lkboard.errors import LkboardError
    from lkboard.events import Event, Job
    from lkboard_gui.bridge import Task
    from lkboard_gui.models.project import Project


class JobPage(QWidget):
    """A page with a start button. `why_not` says why it is disabled, `start` calls `run_task`."""

    def __init__(self, project: Project, action: str) -> None:
        super().__init__()
        self.project = project
        self._task: Task | None = None
        self.hint = muted("")
        self.start_button = button(action, self.start, role="primary")
        self.stop_button = button("Stop", self.stop)
        self.result = banner()
        for signal in (project.results_changed, project.board_changed, project.file_changed, project.problems_changed):
            signal.connect(self.refresh)
        for task_signal in (project.task_started, project.task_ended):
            task_signal.connect(self.refresh)

    @abstractmethod
    def start(self) -> None:
        """Do what the button says; called only while it is enabled."""

    @abstractmethod
    def why_not(self) -> str:
        """Return why the use case cannot start now, empty if it can."""

    @abstractmethod
    def invitation(self) -> str:
        """Return what the start button would do."""

    @abstractmethod
    def take_event(self, event: Event) -> None:
        """Show an event of the running job."""

    @abstractmethod
    def take_result(self, result: object) -> None:
        """Show what came out."""

    def stop(self) -> None:
        """Ask the running job to stop."""
        if self._task is not None and self._task is self.project.task:
            self._task.cancel()

    def run_task(self, name: str, work: Callable[[Job], object]) -> None:
        """Run a use case and show its events and its end."""
        self.say("", "")
        task = self.project.run(name, work)
        task.happened.connect(self.take_event)
        task.succeeded.connect(self.take_result)
        task.failed.connect(self._take_failure)
        task.cancelled.connect(lambda: self.say("", "Stopped. Nothing was left that looks finished."))
        self._task = task
        self.refresh()

    def say(self, state: str, text: str) -> None:
        """Show a result: ``state`` is ``ok``, ``bad`` or empty; an empty text shows nothing."""
        show_banner(self.result, state, text)

    def refresh(self) -> None:
        """Enable the buttons and say why or what for."""
        task = self.project.task
        reason = f"A {task.name} is running." if task is not None else self.why_not()
        self.start_button.setEnabled(not reason)
        self.start_button.setToolTip(reason)
        self.stop_button.setEnabled(task is not None and task is self._task)
        self.hint.setText(reason or self.invitation())

    def action_row(self, *others: QPushButton) -> QHBoxLayout:
        """Return the row of buttons."""
        row = QHBoxLayout()
        row.addWidget(self.start_button)
        row.addWidget(self.stop_button)
        row.addStretch(1)
        for other in others:
            row.addWidget(other)
        return row

    def why_no_artifact(self, verb: str) -> str:
        """Return why there is no image of the config as it is now, empty if there is one."""
        if self.project.artifact is None:
            return f"Nothing to {verb}: build an image first."
        if not self.project.is_built:
            return "The config or the board changed: build again first."
        return ""

    def _take_failure(self, error: LkboardError) -> None:
        self.say("bad", str(error))
