"""The table of problems below the editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QBrush, QColor

if TYPE_CHECKING:
    from lkboard.errors import Problem
    from lkboard_gui.theme import Colours

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("", "Line", "Where", "Problem")
MARKS = {"error": "✗ error", "warning": "⚠ warning", "hint": "ⓘ hint"}


class ProblemsModel(QAbstractTableModel):
    """One row a problem: mark and word, line, path of the field, sentence with its hint."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
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

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Return the number of problems."""
        return 0 if parent.isValid() else len(self._problems)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        """Return a column's title."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | QBrush | None:
        """Return a cell's text, tool tip or colour."""
        problem = self._problems[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(problem, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(problem)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0:
            return QBrush(QColor(self._colours[problem.severity]))
        return None

    @staticmethod
    def _cell(problem: Problem, column: int) -> str:
        sentence = f"{problem.message} — {problem.hint}" if problem.hint else problem.message
        return (MARKS[problem.severity], str(problem.place.line or ""), problem.path, sentence)[column]
