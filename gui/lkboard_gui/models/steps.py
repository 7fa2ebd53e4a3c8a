"""The steps of a running job as a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from lkboard.events import Progress, Step

if TYPE_CHECKING:
    from lkboard.events import Event

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("", "Step", "Progress", "Time")
MARKS = {"started": "▶", "done": "✓", "failed": "✗", "cancelled": "■"}
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    state: str
    progress: str = ""
    seconds: float = 0.0


class StepsModel(QAbstractTableModel):
    """One row a step, in the order in which they started."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[_Row] = []

    def clear(self) -> None:
        """Forget the last job."""
        self.beginResetModel()
        self._rows = []
        self.endResetModel()

    def take(self, event: Event) -> None:
        """Show an event of the job."""
        if isinstance(event, Step):
            self._take_step(event)
        elif isinstance(event, Progress):
            row = self._find(event.step)
            if row is not None:
                self._replace(row, replace(self._rows[row], progress=_amount(event)))

    def _take_step(self, event: Step) -> None:
        row = self._find(event.name)
        if event.state == "started" or row is None:
            end = len(self._rows)
            self.beginInsertRows(QModelIndex(), end, end)
            self._rows.append(_Row(event.name, event.state))
            self.endInsertRows()
        else:
            self._replace(row, replace(self._rows[row], state=event.state, seconds=event.seconds))

    def _find(self, name: str) -> int | None:
        return next((row for row in range(len(self._rows) - 1, -1, -1) if self._rows[row].name == name), None)

    def _replace(self, row: int, new: _Row) -> None:
        self._rows[row] = new
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Return the number of steps."""
        return 0 if parent.isValid() else len(self._rows)

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

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Return a cell's text."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        row = self._rows[index.row()]
        duration = "" if row.state == "started" else f"{row.seconds:.1f} s"
        return (MARKS[row.state], row.name, row.progress, duration)[index.column()]


def _amount(event: Progress) -> str:
    if event.unit == "bytes":
        done = f"{event.done / MIB:.0f}"
        return f"{done} of {event.total / MIB:.0f} MiB" if event.total else f"{done} MiB"
    return f"{event.done} of {event.total} {event.unit}" if event.total else f"{event.done} {event.unit}"
