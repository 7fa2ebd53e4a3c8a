"""Build: from the config to the image of the chosen board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit

from lkboard.errors import LkboardError
from lkboard.events import Note
from lkboard.model.artifact import Artifact
from lkboard.model.units import human_size
from lkboard_gui.models.steps import StepsModel
from lkboard_gui.page import Page
from lkboard_gui.widgets.build_blocks import button, page_layout, table
from lkboard_gui.widgets.console_view import ConsoleView
from lkboard_gui.widgets.job_page import JobPage

if TYPE_CHECKING:
    from lkboard.events import Event, Job
    from lkboard_gui.models.project import Project

STEP_COLUMN = 1
NOTES_HEIGHT = 110


class BuildPage(JobPage):
    """Runs `lkboard.app.build` on the saved config and shows its steps."""

    def __init__(self, project: Project) -> None:
        super().__init__(project, "Build")
        self._key = ""
        self.start_button.setObjectName("buildButton")
        self.output = QLineEdit()
        self.output.setObjectName("buildOutput")
        self.output.setAccessibleName("Image file")
        self.output.setPlaceholderText("where the image goes")
        self.open_button = button("Open folder", self._open_folder)
        self.steps = StepsModel()
        self.notes = ConsoleView("Notes of the build")
        self.notes.setMaximumHeight(NOTES_HEIGHT)
        self.notes.hide()
        self._lay_out()
        project.file_changed.connect(self._suggest_output)
        project.board_changed.connect(self._suggest_output)
        self.refresh()

    def start(self) -> None:
        """Save the config and build it."""
        path = self.project.path
        if path is None or self.why_not():
            return
        try:
            self.project.save(path)
        except OSError as error:
            self.say("bad", f"{path}: cannot be saved: {error.strerror}")
            return
        except LkboardError as error:
            self.say("bad", str(error))
            return
        self.steps.clear()
        self.notes.clear()
        self.notes.hide()
        self._key, board, output = self.project.key, self.project.board.id, self.output.text()
        self.run_task("build", lambda job: _build(str(path), board, output, job))

    def why_not(self) -> str:
        """Return why there is nothing to build."""
        if self.project.path is None:
            return "Open or save a config first."
        if self.project.error_count:
            return "The config has errors: mend them on the System page."
        return ""

    def invitation(self) -> str:
        """Return what would be built."""
        return f"Your config is valid for {self.project.board.title}."

    def take_event(self, event: Event) -> None:
        """Show steps in the table and notes below it."""
        if isinstance(event, Note) and event.level != "debug":
            self.notes.appendPlainText(event.text)
            self.notes.show()
        self.steps.take(event)

    def take_result(self, result: object) -> None:
        """Remember the artifact."""
        assert isinstance(result, Artifact)
        self.project.take_artifact(result, self._key)
        self.say("ok", f"Built {result.path} ({human_size(result.size_bytes)}). Next: boot it on the Test page.")

    def refresh(self) -> None:
        """Enable the buttons."""
        super().refresh()
        self.open_button.setEnabled(self.project.artifact is not None)

    def _lay_out(self) -> None:
        layout = page_layout(self, "Build")
        layout.addWidget(self.hint)
        where = QHBoxLayout()
        where.addWidget(self.output, 1)
        where.addWidget(button("Choose…", self._choose_output))
        layout.addLayout(where)
        layout.addLayout(self.action_row(self.open_button))
        layout.addWidget(self.result)
        layout.addWidget(table(self.steps, "Steps of the build", stretch=STEP_COLUMN), 1)
        layout.addWidget(self.notes)

    def _suggest_output(self) -> None:
        path, board = self.project.path, self.project.board
        if path is not None:
            self.output.setText(str(path.with_name(f"{path.stem}-{board.id}{board.suffix}")))

    def _choose_output(self) -> None:
        chosen, _filter = QFileDialog.getSaveFileName(self, "Image file", self.output.text())
        if chosen:
            self.output.setText(chosen)

    def _open_folder(self) -> None:
        if self.project.artifact is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self.project.artifact.path).parent)))


def _build(path: str, board: str, output: str, job: Job) -> Artifact:
    from lkboard.app.build import build
    from lkboard.app.build_options import BuildOptions

    return build(BuildOptions(files=(path,), board=board, output=output), job)[0]


PAGE = Page(id="build", title="Build", glyph="⚙", order=20, make=BuildPage)
