"""From the app layer to Qt: work runs in plain threads, its events arrive in the window's thread.

A worker never touches Qt. It puts events into a queue that a timer of the window empties, so that a thousand progress
events a second cost one repaint.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from lkboard.errors import Cancelled, InternalError, LkboardError
from lkboard.events import Event, Job, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DRAIN_INTERVAL_MS = 40
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _End(Generic[Result]):
    result: Result | None = None
    error: LkboardError | None = None
    was_cancelled: bool = False


class Task(QObject):
    """One run of a use case in a thread of its own.

    Signals, all in the window's thread: `happened` for each event of the job, then exactly one of `succeeded` (with the
    result), `failed` (with the `LkboardError`) or `cancelled`, and last `ended`.
    """

    happened = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()

    def __init__(self, name: str, work: Callable[[Job], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self._work = work
        self._queue: queue.SimpleQueue[Event | _End[object]] = queue.SimpleQueue()
        self._job = Job(self._queue.put)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_INTERVAL_MS)
        self._timer.timeout.connect(self._drain)
        self._has_ended = False

    @property
    def is_running(self) -> bool:
        """Whether the work was started and its end has not been delivered yet."""
        return self._timer.isActive() and not self._has_ended

    def start(self) -> None:
        """Start the work."""
        self._timer.start()
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` follows."""
        self._job.cancel()

    def _run(self) -> None:
        try:
            self._queue.put(_End(result=self._work(self._job)))
        except Cancelled:
            self._queue.put(_End(was_cancelled=True))
        except LkboardError as error:
            self._queue.put(_End(error=error))
        except OSError as error:
            self._queue.put(_End(error=LkboardError(error.strerror or str(error), where=error.filename)))
        except Exception as error:  # noqa: BLE001 - the worker boundary: nothing may be lost in a thread
            self._queue.put(_End(error=InternalError(f"internal error: {type(error).__name__}: {error}")))

    def _drain(self) -> None:
        items: list[Event | _End[object]] = []
        while True:
            try:
                items.append(self._queue.get_nowait())
            except queue.Empty:
                break
        for item in _coalesced(items):
            if isinstance(item, _End):
                self._end(item)
            else:
                self.happened.emit(item)

    def _end(self, end: _End[object]) -> None:
        self._has_ended = True
        self._timer.stop()
        self._thread.join()
        if end.was_cancelled:
            self.cancelled.emit()
        elif end.error is not None:
            self.failed.emit(end.error)
        else:
            self.succeeded.emit(end.result)
        self.ended.emit()


def _coalesced(items: Iterable[Event | _End[object]]) -> list[Event | _End[object]]:
    """Drop every progress event that a later one of the same step in the same batch makes pointless."""
    kept: list[Event | _End[object]] = []
    seen: set[str] = set()
    for item in reversed(list(items)):
        if isinstance(item, Progress):
            if item.step in seen:
                continue
            seen.add(item.step)
        kept.append(item)
    kept.reverse()
    return kept
