"""The judgement of a boot test (boot.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StageName = Literal["firmware", "kernel", "user space", "ready", "expectation"]
StageState = Literal["seen", "not seen", "unknown"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a boot: whether and when (seconds after start) it was seen, and what proves it.

    ``evidence`` is a console line or the first line of an answer.

    ``unknown`` is a stage that cannot be told on this board or with this init.
    """

    name: StageName
    state: StageState
    seconds: float | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far an image booted. ``passed`` is True when everything that was expected was seen.

    ``reason`` says why it ended (``expected text seen``, ``time limit of 120 s``, ``kernel panic``), ``hint`` what to
    do, ``console`` holds the last lines, ``not_covered`` what the emulation cannot tell about the real board.
    """

    passed: bool
    image: str
    image_sha256: str
    board: str
    machine: str
    accelerator: str
    seconds: float
    stages: tuple[Stage, ...]
    reason: str
    hint: str = ""
    console: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()
