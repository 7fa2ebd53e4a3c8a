"""How far several threads have come together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lkboard.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.events import Job


class Meter:
    """Adds up what several threads transfer in one step, and stops them all when ``stop`` is set."""

    def __init__(self, job: Job, step: str, total: int) -> None:
        self.total = total
        self.stop = threading.Event()
        self._job = job
        self._step = step
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count bytes. Raises `Cancelled` when the transfer is to stop."""
        if self.stop.is_set():
            raise Cancelled
        with self._lock:
            self._done += count
            done = self._done
        self._job.progress(self._step, done, self.total)

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pass bytes on and count them. Raises `Cancelled` as `add` does."""
        for piece in pieces:
            yield piece
            self.add(len(piece))
