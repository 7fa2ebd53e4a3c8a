"""The steps of a running job as a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex

from lkboard.events import Progress, Step
from lkboard_gui.models.row_table import RowTable

if TYPE_CHECKING:
    from lkboard.events import Event

MARKS = {"started": "▶", "done": "✓", "failed": "✗", "cancelled": "■"}
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    state: str
    progress: str = ""
    seconds: float = 0.0


class StepsModel(RowTable):
    """One row a step, in the order in which they started."""

    def __init__(self) -> None:
        super().__init__(("", "Step", "Progress", "Time"))
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
        self.dataChanged.emit(self.index(row, 0), self.index(row, self.columnCount() - 1))

    def count(self) -> int:
        """Return the number of steps."""
        return len(self._rows)

    def cell(self, row: int, column: int) -> str:
        """Return the text of a cell."""
        step = self._rows[row]
        duration = "" if step.state == "started" else f"{step.seconds:.1f} s"
        return (MARKS[step.state], step.name, step.progress, duration)[column]


def _amount(event: Progress) -> str:
    if event.unit == "bytes":
        done = f"{event.done / MIB:.0f}"
        return f"{done} of {event.total / MIB:.0f} MiB" if event.total else f"{done} MiB"
    return f"{event.done} of {event.total} {event.unit}" if event.total else f"{event.done} {event.unit}"
