"""Jobs: events in order, thinned progress, and stopping."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from lkboard.errors import Cancelled
from lkboard.events import Event, Job, Note, Progress, Step


def test_a_step_is_announced_and_closed_with_its_duration() -> None:
    events: list[Event] = []
    job = Job(events.append)
    with job.step("Write"):
        job.note("half way")
    start, note, end = events
    assert start == Step("Write", "started")
    assert note == Note("half way", "info")
    assert isinstance(end, Step)
    assert (end.name, end.state) == ("Write", "done")
    assert end.seconds >= 0


@pytest.mark.parametrize(("error", "state"), [(ValueError("x"), "failed"), (Cancelled(), "cancelled")])
def test_a_step_that_ends_early_says_how(error: Exception, state: str) -> None:
    events: list[Event] = []
    with pytest.raises(type(error)), Job(events.append).step("Pull"):
        raise error
    assert isinstance(events[-1], Step)
    assert events[-1].state == state


def test_progress_is_thinned_but_the_last_one_always_arrives() -> None:
    events: list[Event] = []
    job = Job(events.append, progress_interval=3600)
    for done in range(1, 101):
        job.progress("Write", done, 100)
    assert events == [Progress("Write", 1, 100), Progress("Write", 100, 100)]


def test_steps_are_thinned_independently() -> None:
    events: list[Event] = []
    job = Job(events.append, progress_interval=3600)
    job.progress("a", 1, 9)
    job.progress("b", 1, 9)
    assert [event.step for event in events if isinstance(event, Progress)] == ["a", "b"]


def test_a_cancelled_job_stops_at_the_next_check_progress_and_step() -> None:
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        job.check()
    with pytest.raises(Cancelled):
        job.progress("Write", 1, 2)
    with pytest.raises(Cancelled), job.step("Verify"):
        pytest.fail("a step was entered after the job was cancelled")


def test_a_wait_ends_as_soon_as_the_job_is_cancelled() -> None:
    job = Job()
    threading.Timer(0.05, job.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        job.wait(60)
    assert time.monotonic() - start < 10


def test_a_signal_can_cancel_a_wait() -> None:
    """The handler runs in the middle of the wait, in the same thread: a lock there would never be given back."""
    job = Job()
    before = signal.signal(signal.SIGALRM, lambda _number, _frame: (job.cancel(), job.cancel()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Cancelled):
            job.wait(60)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_listeners_are_called_one_at_a_time() -> None:
    inside = threading.Lock()

    def listen(_event: Event) -> None:
        assert inside.acquire(blocking=False)
        inside.release()

    job = Job(listen)
    failures: list[BaseException] = []

    def emit() -> None:
        try:
            for number in range(300):
                job.note(str(number))
        except BaseException as error:  # noqa: BLE001 - carried to the main thread
            failures.append(error)

    threads = [threading.Thread(target=emit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_what_was_said_is_not_said_again() -> None:
    events: list[Event] = []
    job = Job(events.append)
    for text in ("a", "b", "a"):
        job.note_once(text, "warning")
    assert events == [Note("a", "warning"), Note("b", "warning")]


def test_threads_that_ask_the_same_get_one_answer() -> None:
    job = Job()
    asked: list[None] = []
    answers: list[object] = []
    all_there = threading.Barrier(4)

    def answer() -> object:
        asked.append(None)
        return None

    def ask() -> None:
        all_there.wait()
        answers.append(job.once("key", answer))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(asked), answers) == (1, [None] * 4)
    assert job.once("other", lambda: 5) == 5


def test_a_question_that_failed_is_asked_again() -> None:
    job = Job()
    with pytest.raises(ValueError, match="x"):
        job.once("key", lambda: int("x"))
    assert job.once("key", lambda: 5) == 5


def test_waiting_for_the_answer_of_another_thread_can_be_stopped() -> None:
    job, may_end, is_asking = Job(), threading.Event(), threading.Event()

    def answer() -> None:
        is_asking.set()
        may_end.wait()

    thread = threading.Thread(target=job.once, args=("key", answer))
    thread.start()
    is_asking.wait()
    job.cancel()
    with pytest.raises(Cancelled):
        job.once("key", answer)
    may_end.set()
    thread.join()
