"""Waiting for what comes soon, also on a machine that is busy with other work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 25.0
"""Seconds: many times what a busy machine needs, and less than the 30 s for which lkboard waits for a silent server."""

PATIENCE_MS = int(PATIENCE * 1000)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; the test fails when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in {PATIENCE:.0f} s"
        time.sleep(0.01)
