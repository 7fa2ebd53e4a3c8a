"""Build: from the config to the image of the chosen board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from lkboard.events import Note
from lkboard_gui.models.steps import StepsModel
from lkboard_gui.page import Page
from lkboard_gui.widgets.build_blocks import banner, button, muted, page_layout, show_banner, table
from lkboard_gui.widgets.console_view import ConsoleView

if TYPE_CHECKING:
    from lkboard.errors import LkboardError
    from lkboard.events import Event, Job
    from lkboard.model.artifact import Artifact
    from lkboard_gui.bridge import Task
    from lkboard_gui.models.project import Project

STEP_COLUMN = 1


class BuildPage(QWidget):
    """Runs `lkboard.app.build` on the saved config and shows its steps."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._task: Task | None = None
        self.output = QLineEdit()
        self.output.setObjectName("buildOutput")
        self.output.setAccessibleName("Image file")
        self.output.setPlaceholderText("where the image goes")
        self.build_button = button("Build", self.start, role="primary")
        self.build_button.setObjectName("buildButton")
        self.stop_button = button("Stop", self.stop)
        self.open_button = button("Open folder", self._open_folder)
        self.hint = muted("")
        self.result = banner()
        self.result.setObjectName("buildResult")
        self.steps = StepsModel()
        self.notes = ConsoleView("Notes of the build")
        self.notes.setMaximumHeight(110)
        self.notes.hide()
        self._lay_out()
        project.file_changed.connect(self._suggest_output)
        project.board_changed.connect(self._suggest_output)
        project.problems_changed.connect(self._enable)
        project.task_started.connect(self._enable)
        project.task_ended.connect(self._enable)
        self._enable()

    def start(self) -> None:
        """Save the config and build it."""
        path = self._project.path
        if not self.build_button.isEnabled() or path is None:
            return
        try:
            self._project.save(path)
        except OSError as error:
            show_banner(self.result, "bad", f"{path}: cannot be saved: {error.strerror}")
            return
        self.steps.clear()
        self.notes.clear()
        self.notes.hide()
        show_banner(self.result, "", "")
        key, board, output = self._project.key, self._project.board.id, self.output.text()
        task = self._project.run("build", lambda job: _build(str(path), board, output, job))
        task.happened.connect(self._take_event)
        task.succeeded.connect(lambda artifact: self._take_artifact(artifact, key))
        task.failed.connect(self._take_failure)
        task.cancelled.connect(lambda: show_banner(self.result, "", "Stopped. Nothing was left half-written."))
        self._task = task
        self._enable()

    def stop(self) -> None:
        """Ask the build to stop."""
        if self._task is not None:
            self._task.cancel()

    def _lay_out(self) -> None:
        layout = page_layout(self, "Build")
        layout.addWidget(self.hint)
        where = QHBoxLayout()
        where.addWidget(self.output, 1)
        where.addWidget(button("Choose…", self._choose_output))
        layout.addLayout(where)
        actions = QHBoxLayout()
        actions.addWidget(self.build_button)
        actions.addWidget(self.stop_button)
        actions.addStretch(1)
        actions.addWidget(self.open_button)
        layout.addLayout(actions)
        layout.addWidget(self.result)
        layout.addWidget(table(self.steps, "Steps of the build", stretch=STEP_COLUMN), 1)
        layout.addWidget(self.notes)

    def _enable(self) -> None:
        project = self._project
        is_running = project.task is not None
        reason = self._why_not()
        self.build_button.setEnabled(not reason)
        self.build_button.setToolTip(reason)
        self.stop_button.setEnabled(is_running and project.task is self._task)
        self.open_button.setEnabled(project.artifact is not None)
        self.hint.setText(reason or f"Your config is valid for {project.board.title}.")

    def _why_not(self) -> str:
        project = self._project
        if project.task is not None:
            return f"A {project.task.name} is running."
        if project.path is None:
            return "Open or save a config first."
        if project.error_count:
            return "The config has errors: mend them on the System page."
        return ""

    def _suggest_output(self) -> None:
        path, board = self._project.path, self._project.board
        if path is not None:
            self.output.setText(str(path.with_name(f"{path.stem}-{board.id}{board.suffix}")))
        self._enable()

    def _choose_output(self) -> None:
        chosen, _filter = QFileDialog.getSaveFileName(self, "Image file", self.output.text())
        if chosen:
            self.output.setText(chosen)

    def _open_folder(self) -> None:
        if self._project.artifact is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._project.artifact.path).parent)))

    def _take_event(self, event: Event) -> None:
        if isinstance(event, Note) and event.level != "debug":
            self.notes.appendPlainText(event.text)
            self.notes.show()
        self.steps.take(event)

    def _take_artifact(self, artifact: Artifact, key: str) -> None:
        self._project.take_artifact(artifact, key)
        size = f"{artifact.size_bytes / (1 << 20):.0f} MiB"
        show_banner(self.result, "ok", f"Built {artifact.path} ({size}). Next: boot it on the Test page.")

    def _take_failure(self, error: LkboardError) -> None:
        show_banner(self.result, "bad", str(error))


def _build(path: str, board: str, output: str, job: Job) -> Artifact:
    from lkboard.app.build import build
    from lkboard.app.build_plan import BuildOptions

    return build(BuildOptions(files=(path,), board=board, output=output), job)[0]


PAGE = Page(id="build", title="Build", glyph="⚙", order=20, make=BuildPage)
