"""Python's garbage is collected in the window's thread only.

The collector runs in whatever thread allocates next. When that is a worker, it destroys Qt objects that are part of a
reference cycle outside of their thread, and Qt crashes. So automatic collection is off, and a timer collects instead.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 2000


class GarbageCollector(QObject):
    """Collects garbage every two seconds in the thread that made it, until `stop`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(INTERVAL_MS)

    def _collect(self) -> None:
        gc.collect()

    def stop(self) -> None:
        """Collect once more and leave the rest to Python."""
        self._timer.stop()
        gc.collect()
        gc.enable()
