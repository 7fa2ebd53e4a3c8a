"""Pulls that are killed at random points: ``dying_puller.py STORE NAME KILLS SEED``.

Each pull runs in a fork of this process, so that it starts at once, and counts what it does: opened and renamed files,
locks, connections, pieces of data. At the number that was drawn for it, it kills itself. What it left is read again,
and the next pull goes on from there.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from pathlib import Path

from lkboard.events import Job
from lkboard.oci.registry import client, download  # noqa: F401 - imported before the forks, which then are quick
from lkboard.oci.store.store import Store
from lkboard.oci.store.verify import verify
from support.pulls import is_complete, pull

_WATCHED = ("open", "os.", "fcntl.", "socket.", "tempfile.")
_NEVER = 1 << 62


class _Fate:
    """Counts steps and kills the process at one of them."""

    def __init__(self, last: int) -> None:
        self.steps = 0
        self._last = last

    def step(self) -> None:
        self.steps += 1
        if self.steps == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, _arguments: object) -> None:
        if event.startswith(_WATCHED):
            self.step()


def pull_once(root: Path, name: str, last: int) -> int | None:
    """Pull in a process of its own; return how many steps it took, None when it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        fate = _Fate(last)
        sys.addaudithook(fate.audit)
        pull(Store(root), name, Job(lambda _event: fate.step(), progress_interval=0.0))
        os.write(writing, str(fate.steps).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        steps = answer.read()
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.waitstatus_to_exitcode(status) == 0
    return int(steps)


def main(root: Path, name: str, kills: int, seed: int) -> None:
    """Kill pulls until there were enough."""
    steps = pull_once(root, name, _NEVER)
    assert steps
    shutil.rmtree(root)
    chance = random.Random(seed)
    killed = through = 0
    while killed < kills:
        if pull_once(root, name, chance.randint(1, steps)) is None:
            killed += 1
        else:
            through += 1
            shutil.rmtree(root)
        damaged = verify(Store(root), Job()).damaged
        assert not damaged, f"after kill {killed}: {damaged}"
    job = Job()
    store = Store(root)
    assert is_complete(store, pull(store, name, job))
    assert not verify(store, job).damaged
    sys.stdout.write(f"{killed} killed, {through} came through meanwhile\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
