"""The clock of pycdlib.

The library takes times and their zone from the machine and has no parameter for either. This is the only place that
knows about it (decisions, "Build"): inside of the block its modules see a clock that stands still, in UTC.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = threading.Lock()
"""One volume at a time: the modules are shared by all threads."""


@contextmanager
def standing_clock(seconds: int) -> Iterator[None]:
    """Let pycdlib believe that it is ``seconds`` after 1970 in UTC. The rest of the process keeps its clock."""
    from pycdlib import dates, headervd, pycdlib

    stopped = SimpleNamespace(
        time=lambda: float(seconds), localtime=time.gmtime, gmtime=time.gmtime, strftime=time.strftime
    )
    with _LOCK:
        for module in (dates, headervd, pycdlib):
            vars(module)["time"] = stopped
        try:
            yield
        finally:
            for module in (dates, headervd, pycdlib):
                vars(module)["time"] = time
