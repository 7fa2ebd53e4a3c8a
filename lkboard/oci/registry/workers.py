"""Work that waits for the network, done in threads so that a cancelled job never waits with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from lkboard.errors import (
    AuthNeeded,
    LkboardError,
    LockMismatch,
    ManifestInvalid,
    NotFound,
    Offline,
    PlatformMissing,
)

if TYPE_CHECKING:
    from lkboard.events import Job

T = TypeVar("T")
Task = Callable[[], T]

_POLL_SECONDS = 0.1
_OF_ONE_IMAGE = (AuthNeeded, LockMismatch, ManifestInvalid, NotFound, Offline, PlatformMissing)
"""Failures that come at once and do not tell what other images will meet: work in order goes on after them."""


def run_all(
    tasks: Sequence[Task[T]],
    job: Job,
    *,
    parallel: int,
    stop: threading.Event | None = None,
    in_order: bool = False,
) -> list[T]:
    """Run tasks in their order, some at a time, and return their results in the same order.

    The first failure is raised at once; or with ``in_order`` that of the earliest task, together with the ``others``,
    up to one that all further tasks would meet as well; or `Cancelled` when the job is cancelled. ``stop`` is then set,
    which running tasks should look at. They are not waited for: a thread may sit in a system call until its time limit.
    A single task of a task is run in place.
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
        crew.leave()


class _Worker(threading.Thread):
    """A thread that nobody waits for, and which may wait itself."""


class _Crew(Generic[T]):
    def __init__(self, tasks: Sequence[Task[T]], stop: threading.Event, *, in_order: bool) -> None:
        self._stop = stop
        self.is_done = threading.Event()
        self._in_order = in_order
        self._lock = threading.Lock()
        self._waiting = list(enumerate(tasks))[::-1]
        self._results: dict[int, T] = {}
        self._errors: dict[int, BaseException] = {}
        self._count = self._end = len(tasks)
        if not tasks:
            self.is_done.set()

    def work(self) -> None:
        """Do one task after the other until none is left or one fails, if nothing can be done after that."""
        while (item := self._next()) is not None:
            number, task = item
            try:
                result = task()
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                with self._lock:
                    self._fail(number, error)
                continue
            with self._lock:
                self._results[number] = result
                self._look()

    def leave(self) -> None:
        """Begin nothing any more, and tell what is running to stop."""
        with self._lock:
            self._waiting.clear()
        self._stop.set()

    def results(self) -> list[T]:
        """Return all results, or raise the failure that counts."""
        with self._lock:
            if not self._errors:
                return [self._results[number] for number in range(self._count)]
            if not self._in_order:
                raise next(iter(self._errors.values()))
            raise _together([self._errors[number] for number in sorted(self._errors) if number <= self._end])

    def _next(self) -> tuple[int, Task[T]] | None:
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def _fail(self, number: int, error: BaseException) -> None:
        self._errors[number] = error
        if not self._in_order:
            self._waiting.clear()
            self._stop.set()
            self.is_done.set()
        else:
            if not isinstance(error, _OF_ONE_IMAGE):
                self._waiting.clear()
                self._end = min(self._end, number)
            self._look()

    def _look(self) -> None:
        """Notice that nothing more can come that counts: tasks are begun in their order."""
        if all(number in self._results or number in self._errors for number in range(self._end)):
            self.is_done.set()


def _together(errors: Sequence[BaseException]) -> BaseException:
    """Return the first error with the ``others``, each once: an image may have been wanted for several platforms."""
    first = errors[0]
    if isinstance(first, LkboardError):
        told: dict[str, LkboardError] = {}
        for error in errors:
            if isinstance(error, LkboardError):
                told.setdefault(str(error), error)
        first.others = tuple(told.values())[1:]
    return first
