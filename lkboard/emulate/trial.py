"""A boot test from start to verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from lkboard.emulate.expect import AnswerExpected, Asker
from lkboard.emulate.judge import Judge
from lkboard.emulate.machine import Forward, command
from lkboard.emulate.medium import DiskImage, sha256_of
from lkboard.emulate.prepare import prepare
from lkboard.emulate.publish import free_port
from lkboard.emulate.session import Session
from lkboard.errors import BootFailed, DiskInvalid
from lkboard.model.verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.emulate.expect import Expectation
    from lkboard.emulate.machine import Machine
    from lkboard.emulate.medium import KernelFiles
    from lkboard.emulate.prepare import Wish
    from lkboard.events import Job

_TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class Trial:
    """What to boot, on what, what to wait for, and how long at the most. ``name`` is the image as the user calls it."""

    name: str
    medium: DiskImage | KernelFiles
    wish: Wish
    expectations: tuple[Expectation, ...]
    limit_seconds: float


def run_trial(trial: Trial, folder: Path, job: Job, *, log: IO[str] | None = None) -> Verdict:
    """Boot and judge. An image that does not boot is a verdict, not an error.

    Throw-away files go to ``folder``, the console's lines with their times to ``log``. Raises `EmulationError`,
    `UsageError`, `Cancelled`.
    """
    ports = {item: free_port() for item in trial.expectations if isinstance(item, AnswerExpected)}
    forwards = tuple(Forward(port, item.port) for item, port in ports.items())
    verdict = _blank(trial, sha256_of(trial.medium, job))
    try:
        machine = prepare(trial.medium, replace(trial.wish, forwards=forwards), folder, job)
    except (BootFailed, DiskInvalid) as error:
        judge = Judge(trial.expectations, runs_firmware=False)
        return replace(verdict, stages=judge.stages, reason=error.message, hint=error.hint or "")
    judge = Judge(trial.expectations, runs_firmware=machine.firmware is not None or bool(trial.wish.u_boot))
    session = Session(judge, job, log=log)
    askers = {item: Asker(port, item.path) for item, port in ports.items()}
    session.watch(command(machine), askers, trial.limit_seconds)
    return _judged(verdict, machine, judge, session)


def _blank(trial: Trial, digest: str) -> Verdict:
    board = trial.wish.board
    return Verdict(
        passed=False,
        image=trial.name,
        image_sha256=digest,
        board="" if board is None else board.id,
        machine="",
        accelerator="",
        seconds=0.0,
        stages=(),
        reason="",
        not_covered=() if board is None or board.emulation is None else board.emulation.not_covered,
    )


def _judged(verdict: Verdict, machine: Machine, judge: Judge, session: Session) -> Verdict:
    return replace(
        verdict,
        passed=judge.passed,
        machine=machine.emulation.machine,
        accelerator=machine.accelerator,
        seconds=session.seconds,
        stages=judge.stages,
        reason=judge.reason(session.ending),
        hint="" if judge.passed else judge.hint(),
        console=session.console.tail(_TAIL_LINES),
    )
