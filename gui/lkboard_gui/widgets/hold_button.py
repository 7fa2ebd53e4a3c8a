"""A button for what cannot be undone: it acts after it was held down for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent

HOLD_MS = 1500
TICK_MS = 30


class HoldButton(QPushButton):
    """Emits `held` after mouse, Enter or Space were held for 1.5 seconds; letting go early does nothing."""

    held = Signal()

    def __init__(self, text: str, colour: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("role", "danger")
        self.setAutoDefault(False)
        self.setAccessibleDescription("Hold for one and a half seconds")
        self._colour = QColor(colour)
        self._elapsed = 0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.pressed.connect(self._timer.start)
        self.released.connect(self._reset)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Let Enter hold the button as Space does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.setDown(True)
                self._timer.start()
            return
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.setDown(False)
                self._reset()
            return
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Losing the focus is letting go."""
        self._reset()
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Fill the button from the left while it is held."""
        super().paintEvent(event)
        if not self._elapsed:
            return
        painter = QPainter(self)
        colour = QColor(self._colour)
        colour.setAlpha(70)
        painter.fillRect(QRectF(0, 0, self.width() * self._elapsed / HOLD_MS, self.height()), colour)
        painter.end()

    def _tick(self) -> None:
        self._elapsed += TICK_MS
        self.update()
        if self._elapsed >= HOLD_MS:
            self._reset()
            self.setDown(False)
            self.held.emit()

    def _reset(self) -> None:
        self._timer.stop()
        self._elapsed = 0
        self.update()
