"""Watches a guest until it is judged, the time is over, or the user stops it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

from lkboard.emulate.console import Console
from lkboard.emulate.guest import Guest
from lkboard.events import Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkboard.emulate.expect import AnswerExpected, Asker
    from lkboard.emulate.judge import Judge
    from lkboard.events import Job
    from lkboard.model.verdict import Stage

_TICK_SECONDS = 0.1
STEP = "Boot"


class Session:
    """One watched boot. ``seconds`` is how long it took, ``ending`` what ended it unless the judge did."""

    def __init__(self, judge: Judge, job: Job, *, log: IO[str] | None = None) -> None:
        self.console = Console()
        self.seconds = 0.0
        self.ending = ""
        self._judge = judge
        self._job = job
        self._log = log

    def watch(self, command: Sequence[str], askers: Mapping[AnswerExpected, Asker], limit_seconds: float) -> None:
        """Start QEMU and watch it. It is gone when this returns or raises. Raises `Cancelled`."""
        with self._job.step(STEP), ExitStack() as stack:
            started = time.monotonic()
            for asker in askers.values():
                stack.enter_context(asker)
            # the last to come is the first to go, and with it what the askers still wait for
            guest = stack.enter_context(Guest(command))
            while not self._judge.is_over and not self.ending:
                self._job.check()
                data = guest.read(_TICK_SECONDS)
                self.seconds = time.monotonic() - started
                self._listen(data)
                self._ask(askers)
                self.ending = _ending(guest, self.seconds, limit_seconds)
            # the end of the watching ends the last line: what it has may be all that was waited for
            self._listen(b"\n")

    def _listen(self, data: bytes) -> None:
        if not data:
            return
        for line in self.console.feed(data, self.seconds):
            self._announce(self._judge.see(line))
            if not line.is_open:
                self._job.emit(Line(line.text))
                if self._log is not None:
                    print(f"[{line.seconds:9.3f}] {line.text}", file=self._log, flush=True)

    def _ask(self, askers: Mapping[AnswerExpected, Asker]) -> None:
        for expectation, asker in askers.items():
            if asker.answer is None:
                self._judge.asked(expectation, asker.last)
            else:
                self._announce(self._judge.answered(expectation, asker.answer, self.seconds))

    def _announce(self, stages: Sequence[Stage]) -> None:
        for stage in stages:
            self._job.note(f"{stage.name}: {stage.seconds:.1f} s")


def _ending(guest: Guest, seconds: float, limit_seconds: float) -> str:
    """Return what ended the watching; empty while it goes on."""
    status = guest.status
    if status == 0:
        return "the machine stopped"
    if status is not None:
        message = guest.errors.decode("utf-8", "replace").strip().splitlines()
        return f"QEMU ended with status {status}" + (f" ({message[-1]})" if message else "")
    return f"time limit of {limit_seconds:g} s" if seconds >= limit_seconds else ""
