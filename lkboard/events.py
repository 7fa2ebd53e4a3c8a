"""What a running job tells its listeners, and how it is stopped: one interface for terminal, JSON lines and window.

A job is passed down through the use cases. Work that takes long opens a step, reports progress in it and calls
`Job.check` often (at least every 100 ms or every MiB), so that a stop takes effect at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

from lkboard.errors import Cancelled

StepState = Literal["started", "done", "failed", "cancelled"]
Level = Literal["debug", "info", "warning"]
T = TypeVar("T")
_WAIT_SLICE = 0.05
"""Longest sleep in seconds between two looks at whether the job was cancelled."""


@dataclass(frozen=True, slots=True)
class Step:
    """A named part of a job started or ended. ``seconds`` is its duration, 0.0 at the start."""

    name: str
    state: StepState
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step has come. ``total`` is None while it is not known; ``unit`` is ``bytes`` or a plural noun."""

    step: str
    done: int
    total: int | None = None
    unit: str = "bytes"


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth saying that is not an error."""

    text: str
    level: Level = "info"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a guest printed on its console, without control sequences."""

    text: str


Event = Step | Progress | Note | Line
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""


class _Answer:
    """What was asked once, or is being asked by the thread that has the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_known = False
        self.value: object = None


class Job:
    """One run of a use case: emits events and can be cancelled from any thread.

    Listeners are called one at a time, from whichever thread emits. Progress of one step reaches them at most every
    ``progress_interval`` seconds, and always when the step is complete.
    """

    def __init__(self, listener: Listener = ignore, *, progress_interval: float = 0.1) -> None:
        self._listener = listener
        self._interval = progress_interval
        self._is_cancelled = False
        self._lock = threading.Lock()
        self._last_progress: dict[str, float] = {}
        self._answers: dict[Hashable, _Answer] = {}

    def emit(self, event: Event) -> None:
        """Hand an event to the listener."""
        with self._lock:
            self._listener(event)

    def note(self, text: str, level: Level = "info") -> None:
        """Emit a `Note`."""
        self.emit(Note(text, level))

    def note_once(self, text: str, level: Level = "info") -> None:
        """Emit a `Note`, unless the same was said before."""
        self.once((Note, text), lambda: self.note(text, level))

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Return what ``ask`` returns; it is called once in a job for a key, and other threads wait for its answer.

        If it raises, whoever asks next calls it again. Raises what it raises, and `Cancelled`.
        """
        answer = self._answers.setdefault(key, _Answer())
        while not answer.lock.acquire(timeout=_WAIT_SLICE):
            self.check()
        try:
            if not answer.is_known:
                answer.value = ask()
                answer.is_known = True
            return cast("T", answer.value)
        finally:
            answer.lock.release()

    def progress(self, step: str, done: int, total: int | None = None, unit: str = "bytes") -> None:
        """Emit a `Progress`, thinned out in time, and stop here if the job was cancelled.

        Raises `Cancelled`.
        """
        self.check()
        now = time.monotonic()
        with self._lock:
            is_due = done == total or now - self._last_progress.get(step, float("-inf")) >= self._interval
            if is_due:
                self._last_progress[step] = now
                self._listener(Progress(step, done, total, unit))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Emit the start and the end of a step around a block. Raises `Cancelled` at its start if it is too late."""
        self.check()
        start = time.monotonic()
        self.emit(Step(name, "started"))
        state: StepState = "failed"
        try:
            yield
            state = "done"
        except Cancelled:
            state = "cancelled"
            raise
        finally:
            self.emit(Step(name, state, time.monotonic() - start))

    def cancel(self) -> None:
        """Ask the job to stop. Takes no lock: safe in signal handlers and from any thread."""
        self._is_cancelled = True

    def check(self) -> None:
        """Raise `Cancelled` if the job was asked to stop."""
        if self._is_cancelled:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Sleep, but raise `Cancelled` within a moment of the job being cancelled."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _WAIT_SLICE))
        self.check()
