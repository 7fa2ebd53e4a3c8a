"""The config: editor above, problems below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QApplication, QLabel, QSplitter, QVBoxLayout, QWidget

from lkboard_gui.models.problems import ProblemsModel
from lkboard_gui.page import Page
from lkboard_gui.theme import colours_of
from lkboard_gui.widgets.build_blocks import table
from lkboard_gui.widgets.yaml_editor import YamlEditor

if TYPE_CHECKING:
    from lkboard_gui.models.project import Project

MESSAGE_COLUMN = 3


class SystemPage(QWidget):
    """Edits the project's text; each problem is marked in it and listed below."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        colours = colours_of(app)
        self.editor = YamlEditor(colours)
        self.editor.setObjectName("yamlEditor")
        self.editor.setPlaceholderText("Open a YAML file, or write one here: kernel, init, onboot, services, files …")
        self.model = ProblemsModel(colours)
        self.problems = table(self.model, "Problems", stretch=MESSAGE_COLUMN)
        self.problems.setObjectName("problemsView")
        self.problems.activated.connect(self._go_to)
        self.problems.clicked.connect(self._go_to)
        self.summary = QLabel("No problems")
        self.summary.setObjectName("problemsSummary")
        self._lay_out()
        self.setFocusProxy(self.editor)
        self.editor.textChanged.connect(lambda: project.set_text(self.editor.text()))
        project.text_replaced.connect(self._replace_text)
        project.problems_changed.connect(self._show_problems)

    def go_to_next_problem(self, step: int) -> None:
        """Go to the next (1) or previous (-1) problem."""
        count = self.model.rowCount()
        if not count:
            return
        row = (max(self.problems.currentIndex().row(), -1 if step > 0 else 0) + step) % count
        self.problems.selectRow(row)
        self._go_to(self.model.index(row, 0))

    def _lay_out(self) -> None:
        below = QWidget()
        layout = QVBoxLayout(below)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(self.summary)
        layout.addWidget(self.problems)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.editor)
        splitter.addWidget(below)
        splitter.setStretchFactor(0, 4)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([520, 160])
        splitter.setChildrenCollapsible(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(splitter)

    def _replace_text(self, text: str) -> None:
        if text != self.editor.text():
            self.editor.setPlainText(text)

    def _show_problems(self) -> None:
        problems = self._project.problems
        self.model.set_problems(problems)
        self.editor.set_problems(problems)
        errors = self._project.error_count
        others = len(problems) - errors
        parts = [f"{errors} error{'s' * (errors != 1)}"] if errors else []
        parts += [f"{others} remark{'s' * (others != 1)}"] if others else []
        self.summary.setText("Problems: " + ", ".join(parts) if parts else "No problems ✓")

    def _go_to(self, index: QModelIndex) -> None:
        place = self.model.problem(index.row()).place
        self.editor.go_to(place.line, place.column)


PAGE = Page(id="system", title="System", glyph="✎", order=10, make=SystemPage)
