"""Work in threads: events and ends arrive in the window's thread, once, in order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QObject, Signal
from support.waiting import PATIENCE_MS

from lkboard.errors import BuildError, InternalError
from lkboard.events import Event, Job, Note, Progress, Step
from lkboard_gui.bridge import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


def run(qtbot: QtBot, work: Callable[[Job], object]) -> tuple[list[Event], list[object], list[object], int]:
    """Run to the end and return events, results, failures and the number of cancellations."""
    task = Task("work", work)
    events: list[Event] = []
    results: list[object] = []
    failures: list[object] = []
    cancelled: list[bool] = []
    task.happened.connect(events.append)
    task.succeeded.connect(results.append)
    task.failed.connect(failures.append)
    task.cancelled.connect(lambda: cancelled.append(True))
    with qtbot.waitSignal(task.ended, timeout=PATIENCE_MS):
        task.start()
    assert not task.is_running
    return events, results, failures, len(cancelled)


def test_events_and_the_result_arrive(qtbot: QtBot) -> None:
    def work(job: Job) -> int:
        with job.step("count"):
            job.note("one")
        return 42

    events, results, failures, cancelled = run(qtbot, work)
    assert [type(event) for event in events] == [Step, Note, Step]
    assert (results, failures, cancelled) == ([42], [], 0)


def test_listeners_run_in_the_windows_thread(qtbot: QtBot) -> None:
    task = Task("work", lambda job: job.note("x"))
    threads: list[threading.Thread] = []
    task.happened.connect(lambda _event: threads.append(threading.current_thread()))
    with qtbot.waitSignal(task.ended, timeout=PATIENCE_MS):
        task.start()
    assert threads == [threading.current_thread()]


def test_a_failure_keeps_its_type_and_words(qtbot: QtBot) -> None:
    def work(_job: Job) -> None:
        raise BuildError("no room", where="x.img")

    _events, results, failures, _cancelled = run(qtbot, work)
    assert results == []
    assert isinstance(failures[0], BuildError)
    assert str(failures[0]) == "x.img: no room"


@pytest.mark.parametrize(
    ("error", "words"), [(ZeroDivisionError("oops"), "oops"), (FileNotFoundError(2, "No such file", "/x"), "/x")]
)
def test_nothing_is_lost_in_the_thread(qtbot: QtBot, error: Exception, words: str) -> None:
    def work(_job: Job) -> None:
        raise error

    _events, _results, failures, _cancelled = run(qtbot, work)
    assert words in str(failures[0])
    assert isinstance(failures[0], InternalError) == isinstance(error, ZeroDivisionError)


def test_a_task_can_be_stopped(qtbot: QtBot) -> None:
    task = Task("work", lambda job: job.wait(60))
    ends: list[str] = []
    task.cancelled.connect(lambda: ends.append("cancelled"))
    task.succeeded.connect(lambda _result: ends.append("succeeded"))
    with qtbot.waitSignal(task.ended, timeout=PATIENCE_MS):
        task.start()
        task.cancel()
    assert ends == ["cancelled"]


def test_a_flood_of_progress_is_thinned_without_losing_the_last(qtbot: QtBot) -> None:
    def work(job: Job) -> None:
        for done in range(1, 20_001):
            job.emit(Progress("write", done, 20_000))

    events, _results, _failures, _cancelled = run(qtbot, work)
    assert len(events) < 5000
    assert events[-1] == Progress("write", 20_000, 20_000)


def test_two_thousand_signals_do_not_hurt_the_interpreter(app: QApplication) -> None:
    """PySide6 6.12 with Python 3.11 loses a reference with each emit and dies after some hundred."""

    class Sender(QObject):
        sent = Signal(bool)

    sender = Sender()
    received: list[bool] = []
    sender.sent.connect(received.append)
    for _ in range(2000):
        sender.sent.emit(True)  # noqa: FBT003 - the value whose references are counted
    assert len(received) == 2000
