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


def run_all(
    tasks: Sequence[Task[T]],
    job: Job,
    *,
    parallel: int,
    stop: threading.Event | None = None,
    in_order: bool = False,
) -> list[T]:
    """Run tasks in their order, some at a time, and return their results in the same order.

    The first failure is raised at once, or with ``in_order`` that of the earliest task, as if they ran one after the
    other; or `Cancelled` when the job is cancelled. ``stop`` is then set, which running tasks should look at. They are
    not waited for: a thread may sit in a system call until its time limit. A single task of a task is run in place.
    """
    if len(tasks) == 1 and isinstance(threading.current_thread(), _Worker):
        return [tasks[0]()]
    crew = _Crew(tasks, stop or threading.Event(), in_order=in_order)
    for _ in range(min(parallel, len(tasks))):
        _Worker(target=crew.work, daemon=True).start()
    try:
        while not crew.is_done.wait(_POLL_SECONDS):
            job.check()
        return crew.results()
    finally:
        crew.stop.set()


class _Worker(threading.Thread):
    """A thread that nobody waits for, and which may wait itself."""


class _Crew(Generic[T]):
    def __init__(self, tasks: Sequence[Task[T]], stop: threading.Event, *, in_order: bool) -> None:
        self.stop = stop
        self.is_done = threading.Event()
        self._in_order = in_order
        self._lock = threading.Lock()
        self._waiting = list(enumerate(tasks))[::-1]
        self._results: dict[int, T] = {}
        self._errors: dict[int, BaseException] = {}
        self._count = len(tasks)
        if not tasks:
            self.is_done.set()

    def work(self) -> None:
        """Do one task after the other until none is left or one fails."""
        while (item := self._next()) is not None:
            number, task = item
            try:
                result = task()
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                with self._lock:
                    self._fail(number, error)
                return
            with self._lock:
                self._results[number] = result
                self._look()

    def results(self) -> list[T]:
        """Return all results, or raise the failure that counts."""
        with self._lock:
            if self._errors:
                raise self._errors[min(self._errors) if self._in_order else next(iter(self._errors))]
            return [self._results[number] for number in range(self._count)]

    def _next(self) -> tuple[int, Task[T]] | None:
        with self._lock:
            return None if self.stop.is_set() or not self._waiting else self._waiting.pop()

    def _fail(self, number: int, error: BaseException) -> None:
        self._errors[number] = error
        self._waiting.clear()
        if self._in_order:
            self._look()
        else:
            self.stop.set()
            self.is_done.set()

    def _look(self) -> None:
        """Notice that nothing more can come that counts: tasks are begun in their order."""
        end = min(self._errors, default=self._count)
        if all(number in self._results for number in range(end)):
            self.is_done.set()
