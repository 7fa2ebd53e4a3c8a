"""Work that waits for the network, done in threads so that a cancelled job never waits with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from lkboard.events import Job

T = TypeVar("T")
Task = Callable[[], T]

_POLL_SECONDS = 0.1


def run_all(tasks: Sequence[Task[T]], job: Job, *, parallel: int, stop: threading.Event | None = None) -> list[T]:
    """Run tasks in their order, some at a time, and return their results in the same order.

    The first failure is raised at once, or `Cancelled` when the job is cancelled; ``stop`` is then set, which running
    tasks should look at. They are not waited for: a thread may sit in a system call until its time limit.
    """
    crew = _Crew(tasks, stop or threading.Event())
    for _ in range(min(parallel, len(tasks))):
        threading.Thread(target=crew.work, daemon=True).start()
    try:
        while not crew.is_done.wait(_POLL_SECONDS):
            job.check()
        return crew.results()
    finally:
        crew.stop.set()


class _Crew(Generic[T]):
    def __init__(self, tasks: Sequence[Task[T]], stop: threading.Event) -> None:
        self.stop = stop
        self.is_done = threading.Event()
        self._lock = threading.Lock()
        self._waiting = list(enumerate(tasks))[::-1]
        self._results: dict[int, T] = {}
        self._count = len(tasks)
        self._error: BaseException | None = None
        if not tasks:
            self.is_done.set()

    def work(self) -> None:
        """Do one task after the other until none is left or one fails."""
        while (item := self._next()) is not None:
            number, task = item
            try:
                result = task()
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self._fail(error)
                return
            with self._lock:
                self._results[number] = result
                if len(self._results) == self._count:
                    self.is_done.set()

    def results(self) -> list[T]:
        """Return all results, or raise the first failure."""
        if self._error:
            raise self._error
        return [self._results[number] for number in range(self._count)]

    def _next(self) -> tuple[int, Task[T]] | None:
        with self._lock:
            return None if self.stop.is_set() or not self._waiting else self._waiting.pop()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error
        self.stop.set()
        self.is_done.set()
