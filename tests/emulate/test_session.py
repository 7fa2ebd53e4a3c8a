"""Watching a guest. A shell stands where QEMU would: it prints what a console was seen to print."""

from __future__ import annotations

import io
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.jobs import RecordingJob

from lkboard.emulate.expect import AnswerExpected, Asker, TextExpected
from lkboard.emulate.judge import Judge
from lkboard.emulate.publish import free_port
from lkboard.emulate.session import Session
from lkboard.errors import Cancelled
from lkboard.events import Job, Line, Step

if TYPE_CHECKING:
    from lkboard.emulate.expect import Expectation

WEB = AnswerExpected(80, "/")


def watched(script: str, *expect: Expectation, limit: float = 60.0, asker: Asker | None = None) -> Session:
    judge = Judge(expect, runs_firmware=True)
    job = RecordingJob()
    session = Session(judge, job, log=io.StringIO())
    session.watch(["/bin/sh", "-c", script], {WEB: asker} if asker else {}, limit)
    return session


def test_it_ends_when_the_goal_is_seen() -> None:
    session = watched("printf 'Linux version 6\\nlkb: ready\\n'; exec sleep 60")
    assert (session._judge.passed, session.ending) == (True, "")
    assert session.seconds < 30


def test_it_ends_when_the_kernel_panics() -> None:
    session = watched("echo 'Kernel panic - not syncing: x'; exec sleep 60")
    assert (session._judge.reason(session.ending), session.seconds < 30) == ("kernel panic: x", True)


def test_it_ends_at_the_time_limit() -> None:
    session = watched("exec sleep 60", limit=0.2)
    assert session.ending == "time limit of 0.2 s"


def test_it_ends_with_the_machine() -> None:
    assert watched("echo bye").ending == "the machine stopped"


def test_a_failing_emulator_is_told_with_its_own_words() -> None:
    session = watched("echo 'first' >&2; echo 'Invalid SD card size' >&2; exit 1")
    assert session.ending == "QEMU ended with status 1 (Invalid SD card size)"


def test_the_last_words_count_even_without_an_end_of_line() -> None:
    session = watched("printf 'lkb: ready'")
    assert session._judge.passed


def test_a_prompt_is_enough() -> None:
    assert watched("printf 'login: '; exec sleep 60", TextExpected("login:"))._judge.passed


def test_an_answer_ends_it() -> None:
    asker = Asker(1, "/")
    asker.answer = "HTTP 200 hello"
    assert watched("exec sleep 60", WEB, asker=asker)._judge.passed


def test_what_came_instead_of_an_answer_is_told() -> None:
    asker = Asker(1, "/")
    session = watched("exec sleep 60", WEB, limit=0.3, asker=asker)
    assert "no answer" in session._judge.reason(session.ending)


def test_listeners_hear_lines_stages_and_the_step(job: RecordingJob) -> None:
    session = Session(Judge((), runs_firmware=True), job)
    session.watch(["/bin/sh", "-c", "printf 'Linux version 6\\nlkb: ready\\n'"], {}, 60)
    assert [event.text for event in job.events if isinstance(event, Line)] == ["Linux version 6", "lkb: ready"]
    assert [note.partition(":")[0] for note in job.notes] == ["kernel", "ready"]
    assert [event.state for event in job.events if isinstance(event, Step)] == ["started", "done"]


def test_the_log_has_each_line_with_its_time() -> None:
    log = io.StringIO()
    session = Session(Judge((), runs_firmware=True), RecordingJob(), log=log)
    session.watch(["/bin/sh", "-c", "printf 'one\\ntwo'"], {}, 60)
    assert [line[-5:].strip("] ") for line in log.getvalue().splitlines()] == ["one", "two"]


def unfinished(script: str, *expect: Expectation) -> tuple[Judge, list[str]]:
    """Watch a guest that never ends its last line; return the judge and the texts of the log."""
    log = io.StringIO()
    judge = Judge(expect, runs_firmware=True)
    Session(judge, RecordingJob(), log=log).watch(["/bin/sh", "-c", f"{script}; exec sleep 60"], {}, 60.0)
    return judge, [line.partition("] ")[2] for line in log.getvalue().splitlines()]


def test_a_stage_on_the_line_that_ends_it_is_seen() -> None:
    judge, _ = unfinished("printf 'Linux version 6\\nlkb: ready'", TextExpected("lkb: ready"))
    assert [(stage.name, stage.state) for stage in judge.stages][-2:] == [("ready", "seen"), ("expectation", "seen")]


def test_the_log_has_the_line_that_ends_it() -> None:
    _, log = unfinished("printf 'motd\\nlogin: '", TextExpected("login:"))
    assert log == ["motd", "login:"]


def test_a_line_that_is_complete_is_logged_once() -> None:
    _, log = unfinished("printf 'lkb: ready\\n'", TextExpected("lkb: ready"))
    assert log == ["lkb: ready"]


def test_it_stops_when_the_user_stops_it() -> None:
    job = RecordingJob()
    session = Session(Judge((), runs_firmware=True), job)
    timer = threading.Timer(0.2, job.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        session.watch(["/bin/sh", "-c", "exec sleep 60"], {}, 60)
    timer.join()
    assert session.seconds < 30


SILENT_SERVER = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
connection = server.accept()
print("asked", flush=True)
time.sleep(600)
"""


def test_a_stop_does_not_wait_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkboard.emulate.expect._ATTEMPT_SECONDS", 60.0)
    job = Job(lambda event: job.cancel() if isinstance(event, Line) and event.text == "asked" else None)
    port = free_port()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        Session(Judge((WEB,), runs_firmware=True), job).watch(
            [sys.executable, "-c", SILENT_SERVER, str(port)], {WEB: Asker(port, "/")}, 600
        )
    assert time.monotonic() - started < 45
