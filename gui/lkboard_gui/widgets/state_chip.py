"""A chip that says one state of the project: mark, word and colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QToolButton

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

MARKS = {"unknown": "○", "ok": "●", "bad": "✗"}


class StateChip(QToolButton):
    """Shows a word with a state; a click leads to the reason."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("chip", "true")

    def show_state(self, state: str, word: str, reason: str) -> None:
        """Show a state and a word; the reason is the tool tip and what screen readers say."""
        self.setText(f"{MARKS[state]} {word}")
        self.setToolTip(reason)
        self.setAccessibleName(f"{word}: {reason}")
        if self.property("state") != state:
            self.setProperty("state", state)
            self.style().unpolish(self)
            self.style().polish(self)
