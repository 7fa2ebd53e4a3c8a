"""The last question before something is erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from lkboard.app.write import describe
from lkboard.model.units import human_size
from lkboard_gui.theme import colours_of
from lkboard_gui.widgets.build_blocks import button, muted, plain_label
from lkboard_gui.widgets.hold_button import HoldButton

if TYPE_CHECKING:
    from lkboard.model.target import WritePlan

WORD = "ERASE"


class ConfirmWrite(QDialog):
    """Names what will be lost. Accepted by holding the button, or by typing a word for those who cannot hold.

    Cancel has the focus.
    """

    def __init__(self, plan: WritePlan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.setWindowTitle("Erase and write?")
        self.setMinimumWidth(520)
        self.hold_button = HoldButton("Hold to erase and write", colours_of(app).danger)
        self.hold_button.held.connect(self.accept)
        self.word = QLineEdit()
        self.word.setAccessibleName(f"Or type {WORD}")
        self.word.setPlaceholderText(f"or type {WORD} and press Enter")
        self.word.returnPressed.connect(self._check_word)
        self.cancel_button = button("Cancel", self.reject)
        self.cancel_button.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 20)
        layout.setSpacing(12)
        self.lines = [plain_label(line) for line in describe(plan)]
        self.lines[0].setProperty("role", "title")
        for line in self.lines:
            layout.addWidget(line)
        size = f"{human_size(plan.mapped_bytes)} of {human_size(plan.size_bytes)} will be written"
        layout.addWidget(muted(f"Image: {plan.source} — {size}"))
        layout.addWidget(self.word)
        row = QHBoxLayout()
        row.addWidget(self.hold_button)
        row.addStretch(1)
        row.addWidget(self.cancel_button)
        layout.addLayout(row)
        self.cancel_button.setFocus()

    def _check_word(self) -> None:
        if self.word.text().strip() == WORD:
            self.accept()
