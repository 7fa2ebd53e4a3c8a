"""The guest's console: bytes in, readable lines with times out."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

KEPT_LINES = 200
_LINE_LIMIT = 8192  # of a guest that prints without ever ending a line
# ECMA-48: a cursor that is moved to a position, or a cleared screen, ends the line; other sequences only decorate it
_MOVE = re.compile(rb"\x1b\[[0-9;]*[HfJ]|\x1bc")
_DECORATION = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-B]|\x1b[=>78M]|[\r\0\x07]"
)


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """A line of the console and when it came, in seconds after the start. An open one may still grow."""

    seconds: float
    text: str
    is_open: bool = False


class Console:
    """Turns what a serial port sends into lines, and keeps the last ones."""

    def __init__(self) -> None:
        self._rest = b""
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)

    def feed(self, data: bytes, seconds: float) -> list[ConsoleLine]:
        """Take more bytes; return the lines that they end, and the one that is still open.

        Empty lines are left out. A text that is cut by the end of ``data`` is found in the open line of a later call.
        """
        *ended, self._rest = _MOVE.sub(b"\n", self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_LIMIT:
            ended.append(self._rest)
            self._rest = b""
        lines = [ConsoleLine(seconds, text) for text in map(_readable, ended) if text]
        self._kept.extend(line.text for line in lines)
        rest = _readable(self._rest)
        return [*lines, ConsoleLine(seconds, rest, is_open=True)] if rest else lines

    def tail(self, count: int) -> tuple[str, ...]:
        """Return the last lines, the open one included."""
        rest = _readable(self._rest)
        return tuple([*self._kept, *([rest] if rest else [])][-count:])


def _readable(raw: bytes) -> str:
    return _DECORATION.sub(b"", raw).decode("utf-8", "ignore").rstrip()
