"""How events and results reach the user: bars on a terminal, plain lines elsewhere, JSON lines with ``--json``.

Standard output carries results only; progress, notes and errors go to standard error. With ``--json`` everything,
events included, is one JSON object a line on standard output.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from lkboard.errors import ConfigError
from lkboard.events import Line, Note, Progress, Step
from lkboard.model.units import human_size

if TYPE_CHECKING:
    from lkboard.errors import LkboardError, Problem
    from lkboard.events import Event

_BAR_WIDTH = 24
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline, other line breaks and changes of direction, and what is no character."""


def human_time(seconds: float) -> str:
    """Return a duration as ``0.4 s``, ``12 s`` or ``3:05 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"


def _printable(text: str) -> str:
    """Return a text with what a terminal would obey instead of show escaped: names in images may hold anything."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _problem_fields(problem: Problem) -> dict[str, object]:
    fields = asdict(problem)
    return {"event": "problem", **fields.pop("place"), **fields}


def _error_fields(error: LkboardError) -> dict[str, object]:
    return {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}


class Ui:
    """One run's way to talk to the user. ``quiet`` leaves only results, warnings and errors; ``debug`` adds details."""

    def __init__(
        self,
        *,
        is_json: bool = False,
        quiet: bool = False,
        debug: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.is_json = is_json
        self.quiet = quiet
        self.debug = debug
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self._has_bars = self.stderr.isatty() and not is_json and not quiet
        self._line = ""
        self._rates: dict[str, tuple[float, int]] = {}

    @property
    def is_interactive(self) -> bool:
        """Whether a question can be asked and answered."""
        return sys.stdin is not None and sys.stdin.isatty() and self.stderr.isatty() and not self.is_json

    def result(self, text: str, /, **fields: object) -> None:
        """Print a result: the text, or with ``--json`` the fields (plus ``"event": "result"``) as one JSON line."""
        self._clear()
        if self.is_json:
            self._json({"event": "result", **fields})
        else:
            print(_printable(text), file=self.stdout, flush=True)

    def problem(self, problem: Problem) -> None:
        """Print one problem of a config as a result."""
        place = f"{problem.place}: "
        severity = "" if problem.severity == "error" else f"{problem.severity}: "
        self.result(place + severity + str(problem).removeprefix(place), **_problem_fields(problem))

    def say(self, text: str) -> None:
        """Print a line for people on standard error; nothing with ``--json`` or ``--quiet``."""
        if not self.is_json and not self.quiet:
            self._print(text)

    def error(self, error: LkboardError) -> None:
        """Print an error: one line each on standard error, and a JSON line with ``--json``, after those of problems."""
        self._clear()
        self._print("\n".join(f"lkboard: {line}" for line in str(error).splitlines()))
        if self.is_json:
            for problem in error.problems if isinstance(error, ConfigError) else ():
                self._json(_problem_fields(problem))
            others = [_error_fields(one) for one in error.others]
            self._json({"event": "error", **_error_fields(error), **({"others": others} if others else {})})

    def listen(self, event: Event) -> None:
        """Show an event (a listener of `lkboard.events.Job`)."""
        if self.is_json:
            self._json({"event": type(event).__name__.lower(), **asdict(event)})
        elif isinstance(event, Step):
            self._step(event)
        elif isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Note):
            self._note(event)
        elif isinstance(event, Line) and self.debug:
            self._clear()
            self._print(event.text)

    def _step(self, event: Step) -> None:
        self._clear()
        if self.quiet:
            return
        if event.state == "started":
            self._rates[event.name] = (time.monotonic(), 0)
            if self._has_bars:
                self._draw(f"{event.name} …")
        elif event.state == "done":
            self._print(f"{event.name}: {human_time(event.seconds)}")
        elif event.state == "failed":
            self._print(f"{event.name}: failed after {human_time(event.seconds)}")

    def _progress(self, event: Progress) -> None:
        if not self._has_bars:
            return
        is_bytes = event.unit == "bytes"
        started, _ = self._rates.setdefault(event.step, (time.monotonic(), event.done))
        seconds = max(time.monotonic() - started, 0.001)
        rate = event.done / seconds
        done = human_size(event.done) if is_bytes else str(event.done)
        if not event.total:
            self._draw(f"{event.step}  {done}" + (f"  {human_size(rate)}/s" if is_bytes else f" {event.unit}"))
            return
        filled = min(_BAR_WIDTH, _BAR_WIDTH * event.done // event.total)
        bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
        total = human_size(event.total) if is_bytes else f"{event.total} {event.unit}"
        left = f"  {human_time((event.total - event.done) / rate)} left" if rate and seconds > 1 else ""
        speed = f"  {human_size(rate)}/s" if is_bytes and seconds > 1 else ""
        self._draw(f"{event.step}  {bar} {100 * event.done // event.total:3d} %  {done} of {total}{speed}{left}")

    def _note(self, event: Note) -> None:
        if event.level == "debug" and not self.debug:
            return
        if self.quiet and event.level != "warning":
            return
        self._clear()
        self._print(f"warning: {event.text}" if event.level == "warning" else event.text)

    def _draw(self, line: str) -> None:
        self._clear()
        self._line = line
        self.stderr.write(_printable(line))
        self.stderr.flush()

    def _clear(self) -> None:
        if self._line:
            self.stderr.write("\r\x1b[2K")
            self._line = ""

    def _print(self, text: str) -> None:
        print(_printable(text), file=self.stderr, flush=True)

    def _json(self, fields: dict[str, object]) -> None:
        # what the encoding of standard output may lack is escaped here, as JSON has it
        encoding: str | None = getattr(self.stdout, "encoding", None)  # standard output may be closed
        is_unicode = not encoding or encoding.lower().startswith("utf")
        text = json.dumps(fields, ensure_ascii=not is_unicode, default=str)
        print(_UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text), file=self.stdout, flush=True)
