"""A program that believes to run in a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from support.processes import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 30.0


class Terminal:
    """The user's side: what was shown so far, and the keyboard."""

    def __init__(self, process: subprocess.Popen[str], keyboard: int) -> None:
        self._process = process
        self._keyboard = keyboard
        self.shown = ""

    def expect(self, text: str) -> None:
        """Wait until a text is shown."""
        deadline = time.monotonic() + _SECONDS
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} was not shown: {self.shown!r}"
            assert self._read(), f"{text!r} was not shown: {self.shown!r}"

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._keyboard, f"{text}\n".encode())

    def press_ctrl_c(self) -> None:
        """Send what the terminal sends for Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """Return the exit status, after all was read."""
        while self._read():
            pass
        return self._process.wait(_SECONDS)

    def _read(self) -> bool:
        # a terminal whose last user is gone gives an error instead of an end
        with contextlib.suppress(OSError):
            if select.select([self._keyboard], [], [], _SECONDS)[0]:
                data = os.read(self._keyboard, 4096)
                self.shown += data.decode().replace("\r\n", "\n")
                return bool(data)
        return False


@contextlib.contextmanager
def terminal(*arguments: object, **environment: str) -> Iterator[Terminal]:
    """Run the command line in a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lkboard", *map(str, arguments)],
        env={**ENVIRONMENT, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
