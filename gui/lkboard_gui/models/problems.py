"""The table of problems below the editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor

from lkboard_gui.models.row_table import Index, RowTable

if TYPE_CHECKING:
    from lkboard.errors import Problem
    from lkboard_gui.theme import Colours

MARKS = {"error": "✗ error", "warning": "⚠ warning", "hint": "ⓘ hint"}


class ProblemsModel(RowTable):
    """One row a problem: mark and word, line, path of the field, sentence with its hint."""

    def __init__(self, colours: Colours) -> None:
        super().__init__(("", "Line", "Where", "Problem"))
        self._problems: tuple[Problem, ...] = ()
        self._colours = {"error": colours.error, "warning": colours.warning, "hint": colours.muted}

    def set_problems(self, problems: tuple[Problem, ...]) -> None:
        """Show these problems."""
        self.beginResetModel()
        self._problems = problems
        self.endResetModel()

    def problem(self, row: int) -> Problem:
        """Return the problem in a row."""
        return self._problems[row]

    def count(self) -> int:
        """Return the number of problems."""
        return len(self._problems)

    def cell(self, row: int, column: int) -> str:
        """Return the text of a cell."""
        problem = self._problems[row]
        sentence = f"{problem.message} — {problem.hint}" if problem.hint else problem.message
        return (MARKS[problem.severity], str(problem.place.line or ""), problem.path, sentence)[column]

    def tool_tip(self, row: int) -> str:
        """Return the whole problem."""
        return str(self._problems[row])

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Colour the mark; the rest is plain text."""
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0:
            return QBrush(QColor(self._colours[self._problems[index.row()].severity]))
        return super().data(index, role)
