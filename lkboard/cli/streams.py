"""Standard input and output that Ctrl-C can interrupt.

Ctrl-C only marks the job (`lkboard.cli.main`), so a plain read or write would go on waiting for the other side.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TYPE_CHECKING

from lkboard.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from lkboard.events import Job

_LOOK_SECONDS = 0.1
_READ_SIZE = 64 << 10


def wait_for_input(job: Job) -> None:
    """Wait until there is something to read on standard input, or its end. Raises `UsageError` and `Cancelled`."""
    if sys.stdin is None:
        raise UsageError("standard input is closed", hint="redirect it, or name a file in the place of -")
    while not select.select([sys.stdin], [], [], _LOOK_SECONDS)[0]:
        job.check()
    job.check()


def read_input(job: Job) -> bytes:
    """Return all of standard input. Raises `UsageError` and `Cancelled`."""
    data = bytearray()
    while True:
        wait_for_input(job)
        chunk = os.read(sys.stdin.fileno(), _READ_SIZE)
        if not chunk:
            return bytes(data)
        data += chunk


def check_output(*, is_json: bool) -> None:
    """Raise `UsageError` when standard output is nothing that an artifact can go to."""
    if sys.stdout is None:
        raise UsageError("standard output is closed", hint="redirect it, or name a file: -o FILE")
    if sys.stdout.isatty():
        raise UsageError("standard output is a terminal", hint="redirect it, or name a file: -o FILE")
    if is_json:
        raise UsageError("standard output takes the artifact or --json, not both", hint="name a file: -o FILE")


class Output(io.FileIO):
    """Standard output for bytes. Writing raises `Cancelled`, also while the reader at the other end stands still."""

    def __init__(self, job: Job) -> None:
        super().__init__(sys.stdout.fileno(), "w", closefd=False)
        self._job = job

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of the data and return its size."""
        view = memoryview(data)
        while view:
            while not select.select([], [self], [], _LOOK_SECONDS)[1]:
                self._job.check()
            # a pipe that is ready takes this much without waiting
            view = view[super().write(view[: select.PIPE_BUF]) :]
        return memoryview(data).nbytes
