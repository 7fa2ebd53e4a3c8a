"""What a user wants to see before a boot counts as good."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass
from typing import Self

from lkboard.emulate.machine import LOOPBACK
from lkboard.errors import UsageError

_ATTEMPT_SECONDS = 2.0
_PAUSE_SECONDS = 0.5
_HTTP_PORT = re.compile(r"(\d{1,5})(/\S*)?")


@dataclass(frozen=True, slots=True)
class TextExpected:
    """A text anywhere on the console."""

    text: str

    def __str__(self) -> str:
        """Return what is waited for, in words."""
        return f"the text '{self.text}'"


@dataclass(frozen=True, slots=True)
class AnswerExpected:
    """An answer of a web server on a port of the guest, with a status below 400."""

    port: int
    path: str = "/"

    def __str__(self) -> str:
        """Return what is waited for, in words."""
        return f"an answer of http://guest:{self.port}{self.path}"


Expectation = TextExpected | AnswerExpected


def parse_answer(text: str) -> AnswerExpected:
    """Read ``PORT[/PATH]``. Raises `UsageError`."""
    match = _HTTP_PORT.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise UsageError(f"'{text}' is not a port with a path", hint="write it as 80 or 80/index.html")
    return AnswerExpected(int(match[1]), match[2] or "/")


class Asker:
    """Asks a web server behind a port of the host again and again, in a thread of its own.

    QEMU accepts connections before the guest listens, so a connection alone proves nothing. ``answer`` is the first
    line of the first good answer, ``last`` what came last otherwise.
    """

    def __init__(self, host_port: int, path: str) -> None:
        self.answer: str | None = None
        self.last = "no answer"
        self._port = host_port
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="lkboard-http", daemon=True)

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to ask; an attempt that is under way ends by itself."""
        self._stop.set()
        self._thread.join(_ATTEMPT_SECONDS + 1)

    def _ask(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            if self._try_once():
                return
            self._stop.wait(max(0.0, _PAUSE_SECONDS - (time.monotonic() - started)))

    def _try_once(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=_ATTEMPT_SECONDS)
        try:
            connection.request("GET", self._path)
            response = connection.getresponse()
            body = response.read(200)
        except (OSError, http.client.HTTPException) as error:
            self.last = f"no answer ({type(error).__name__})"
            return False
        finally:
            connection.close()
        first = (body.decode("utf-8", "replace").splitlines() or [""])[0].strip()
        self.last = f"HTTP {response.status} {first}".strip()
        if response.status < 400:
            self.answer = self.last
        return self.answer is not None
