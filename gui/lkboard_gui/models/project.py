"""The open project: a config text, a board, and what was made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, QTimer, Signal

from lkboard.app.config_file import ConfigFile, open_config, save_config
from lkboard_gui.bridge import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lkboard.app.check import CheckResult
    from lkboard.errors import Problem
    from lkboard.events import Job
    from lkboard.model.artifact import Artifact
    from lkboard.model.board import Board
    from lkboard.model.target import WriteResult
    from lkboard.model.verdict import Verdict

CHECK_DELAY_MS = 150
ChipName = Literal["valid", "built", "tested", "written"]


@dataclass(frozen=True, slots=True)
class Chip:
    """What a chip shows: state, word, and the reason in one sentence."""

    state: Literal["unknown", "ok", "bad"]
    word: str
    reason: str


class Project(QObject):
    """What the window is about. Every page shows a part of it and changes it through its methods.

    A build, test or write belongs to the text and board that it was made from: when either changes, the result is out
    of date and no longer counts.
    """

    text_replaced = Signal(str)
    file_changed = Signal()
    board_changed = Signal()
    problems_changed = Signal()
    results_changed = Signal()
    task_started = Signal(object)
    task_ended = Signal(object)

    def __init__(self, boards: tuple[Board, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.boards = boards
        self.board = boards[0]
        self.path: Path | None = None
        self.text = ""
        self.problems: tuple[Problem, ...] = ()
        self.artifact: Artifact | None = None
        self.verdict: Verdict | None = None
        self.write_result: WriteResult | None = None
        self.task: Task | None = None
        self._saved = ConfigFile("")
        self._checked_key = ""
        self._built_key = ""
        self._check_task: Task | None = None
        self._check_timer = QTimer(self)
        self._check_timer.setSingleShot(True)
        self._check_timer.setInterval(CHECK_DELAY_MS)
        self._check_timer.timeout.connect(self.check_now)

    @property
    def name(self) -> str:
        """File name for titles and messages."""
        return self.path.name if self.path else "untitled.yml"

    @property
    def is_modified(self) -> bool:
        """Whether the text differs from the saved file."""
        return self.text != self._saved.text

    @property
    def key(self) -> str:
        """Identity of what would be built now."""
        return hashlib.sha256(f"{self.board.id}\0{self.text}".encode()).hexdigest()

    @property
    def is_built(self) -> bool:
        """Whether the artifact belongs to the text and board as they are now."""
        return self.artifact is not None and self._built_key == self.key

    @property
    def is_checked(self) -> bool:
        """Whether the problems are those of the text and board as they are now."""
        return self._checked_key == self.key

    @property
    def error_count(self) -> int:
        """How many problems prevent a build."""
        return sum(problem.severity == "error" for problem in self.problems)

    def open(self, path: Path) -> None:
        """Load a config. Raises OSError, and `LkboardError` when it is not UTF-8."""
        file = open_config(path)
        self.path = path
        self._saved = file
        self.set_text(file.text)
        self.text_replaced.emit(file.text)
        self.file_changed.emit()

    def save(self, path: Path) -> None:
        """Write the config. Raises OSError and `OutputError`."""
        file = ConfigFile(self.text, self._saved.newline)
        save_config(path, file)
        self.path = path
        self._saved = file
        self.file_changed.emit()

    def set_text(self, text: str) -> None:
        """Take the editor's text; it is checked shortly after."""
        if text == self.text and self._checked_key:
            return
        self.text = text
        self._check_timer.start()
        self.results_changed.emit()

    def set_board(self, board_id: str) -> None:
        """Choose the board."""
        self.board = next(board for board in self.boards if board.id == board_id)
        self._check_timer.start()
        self.board_changed.emit()
        self.results_changed.emit()

    def check_now(self) -> None:
        """Check the text in a thread; a check that is still running is waited for and repeated."""
        from lkboard.app.check import check_text

        if self._check_task is not None:
            self._check_timer.start()
            return
        text, name, board, key = self.text, str(self.path or self.name), self.board.id, self.key
        task = Task("check", lambda _job: check_text(text, name, board), self)
        task.succeeded.connect(lambda result: self._take_check(result, key))
        task.ended.connect(self._end_check)
        self._check_task = task
        task.start()

    def _take_check(self, result: CheckResult, key: str) -> None:
        self._checked_key = key
        self.problems = result.problems
        self.problems_changed.emit()

    def _end_check(self) -> None:
        if self._check_task is not None:
            self._check_task.deleteLater()
            self._check_task = None

    def run(self, name: str, work: Callable[[Job], object]) -> Task:
        """Start a use case; one runs at a time. Callers connect to the task's signals before the next event."""
        if self.task is not None:
            raise RuntimeError(f"{self.task.name} is still running")
        task = Task(name, work, self)
        self.task = task
        task.ended.connect(lambda: self._end_task(task))
        self.task_started.emit(task)
        task.start()
        return task

    def _end_task(self, task: Task) -> None:
        self.task = None
        self.task_ended.emit(task)
        self.results_changed.emit()
        task.deleteLater()

    def take_artifact(self, artifact: Artifact, key: str) -> None:
        """Remember what was built, and from what."""
        self.artifact, self._built_key = artifact, key
        self.verdict = None
        self.write_result = None
        self.results_changed.emit()

    def take_verdict(self, verdict: Verdict) -> None:
        """Remember how the artifact booted."""
        self.verdict = verdict
        self.results_changed.emit()

    def take_write_result(self, result: WriteResult) -> None:
        """Remember where the artifact was written."""
        self.write_result = result
        self.results_changed.emit()

    def chip(self, name: ChipName) -> Chip:
        """Return what a chip of the project bar shows."""
        return {"valid": self._valid, "built": self._built, "tested": self._tested, "written": self._written}[name]()

    def _valid(self) -> Chip:
        if not self.is_checked:
            return Chip("unknown", "Valid", "The config is being checked.")
        if self.error_count:
            errors = _count(self.error_count, "error")
            return Chip("bad", errors, f"The config has {errors}.")
        return Chip("ok", "Valid", "The config can be built.")

    def _built(self) -> Chip:
        if self.artifact is None:
            return Chip("unknown", "Built", "Nothing was built yet.")
        if not self.is_built:
            return Chip("unknown", "Built", "The config or the board changed since the last build.")
        return Chip("ok", "Built", f"Built: {self.artifact.path}")

    def _tested(self) -> Chip:
        if not self.is_built or self.verdict is None:
            return Chip("unknown", "Tested", "This image was not booted in QEMU yet.")
        if not self.verdict.passed:
            return Chip("bad", "Boot failed", f"The boot test failed: {self.verdict.reason}.")
        return Chip("ok", "Tested", f"Booted in {self.verdict.seconds:.0f} s.")

    def _written(self) -> Chip:
        if not self.is_built or self.write_result is None:
            return Chip("unknown", "Written", "This image was not written yet.")
        if self.write_result.state != "verified":
            reason = f"Writing to {self.write_result.target} ended: {self.write_result.state}."
            return Chip("bad", "Not verified", reason)
        return Chip("ok", "Written", f"Written to {self.write_result.target} and verified.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
