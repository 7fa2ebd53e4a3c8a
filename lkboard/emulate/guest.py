"""A running QEMU that never outlives lkboard."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import termios
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkboard.events import Job

_STOP_SECONDS = 3.0
_TICK_SECONDS = 0.1
_CHUNK = 1 << 16


class Guest:
    """A QEMU process in a process group of its own, whose console is its standard output.

    Use it in a ``with`` block: at its end the process is gone, whatever happened.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.errors = b""
        self._process = subprocess.Popen(
            [*_tie(), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._selector = selectors.DefaultSelector()
        for stream in (self._process.stdout, self._process.stderr):
            self._selector.register(cast("IO[bytes]", stream), selectors.EVENT_READ)

    def __enter__(self) -> Self:
        """Return the guest itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process and everything it started."""
        stop(self._process)
        self._selector.close()
        for stream in (self._process.stdout, self._process.stderr):
            cast("IO[bytes]", stream).close()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, once the process ended and all it wrote was read; None before."""
        return None if self._selector.get_map() else self._process.wait()

    def read(self, seconds: float) -> bytes:
        """Return what the console sent, waiting for it no longer than this; collect error messages aside."""
        console = b""
        for key, _ in self._selector.select(seconds):
            data = os.read(key.fd, _CHUNK)
            if not data:
                self._selector.unregister(key.fileobj)
            elif key.fileobj is self._process.stdout:
                console += data
            else:
                self.errors += data
        return console


def run_on_terminal(command: Sequence[str], job: Job) -> int:
    """Run QEMU with the terminal as the guest's console until it ends; return its exit status. Raises `Cancelled`.

    QEMU switches the terminal to raw mode, so that Ctrl-C goes to the guest; afterwards the terminal is as before.
    """
    with _terminal_kept():
        process = subprocess.Popen([*_tie(), *command])
        try:
            while process.poll() is None:
                job.wait(_TICK_SECONDS)
        finally:
            stop(process)
    return process.returncode


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Restore the terminal's settings after the block, if there is a terminal."""
    descriptor = 0
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process: politely, so that it flushes its disks, then by force."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _tie() -> list[str]:
    """Return the words in front of a command that make it end with lkboard, even when that is killed.

    They are util-linux's, which every Linux distribution has; without them only a kill -9 would leave QEMU behind.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
