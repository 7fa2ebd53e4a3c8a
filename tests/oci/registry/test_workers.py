"""Threads that work for a job, and that it does not wait for when it is cancelled."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.waiting import PATIENCE

from lkboard.errors import (
    AuthNeeded,
    Cancelled,
    LkboardError,
    LockMismatch,
    ManifestInvalid,
    NotFound,
    Offline,
    PlatformMissing,
    RegistryError,
)
from lkboard.events import Job
from lkboard.oci.registry.workers import run_all

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("parallel", [1, 2, 8])
def test_results_keep_the_order_of_the_tasks(parallel: int) -> None:
    assert run_all([partial(pow, 2, number) for number in range(20)], Job(), parallel=parallel) == [
        2**number for number in range(20)
    ]


def test_no_tasks_have_no_results() -> None:
    assert run_all([], Job(), parallel=4) == []


def test_some_tasks_run_at_a_time() -> None:
    barrier = threading.Barrier(3)
    assert sorted(run_all([lambda: barrier.wait(PATIENCE)] * 3, Job(), parallel=3)) == [0, 1, 2]


def test_not_more_tasks_run_than_allowed() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def task() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    run_all([task] * 10, Job(), parallel=2)
    assert most <= 2


def test_the_first_failure_is_raised_and_ends_the_work() -> None:
    done: list[int] = []

    def fail() -> None:
        raise NotFound("gone")

    with pytest.raises(NotFound, match="gone"):
        run_all([fail, partial(done.append, 1), partial(done.append, 2)], Job(), parallel=1)
    assert done == []


def test_a_failure_tells_the_others_to_stop() -> None:
    stop = threading.Event()

    def fail() -> None:
        raise NotFound("gone")

    def work() -> None:
        assert stop.wait(PATIENCE)

    with pytest.raises(NotFound):
        run_all([work, fail], Job(), parallel=2, stop=stop)
    assert stop.is_set()


def test_a_stop_that_an_earlier_run_has_left_is_for_the_tasks_to_look_at() -> None:
    stop = threading.Event()
    for _ in range(2):
        assert run_all([partial(pow, 2, 3)], Job(), parallel=1, stop=stop) == [8]
        assert stop.is_set()


def test_a_cancelled_job_does_not_wait_for_a_task_that_hangs() -> None:
    job, hang = Job(), threading.Event()

    def task() -> None:
        job.cancel()
        hang.wait(2 * PATIENCE)

    with pytest.raises(Cancelled):
        run_all([task], job, parallel=1)
    hang.set()


def test_what_waits_is_not_begun_after_a_failure() -> None:
    stop, begun = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []
    done: list[int] = []

    def work() -> None:
        threads.append(threading.current_thread())
        begun.set()
        assert stop.wait(PATIENCE)

    def fail() -> None:
        assert begun.wait(PATIENCE)
        raise NotFound("gone")

    with pytest.raises(NotFound):
        run_all([work, fail, partial(done.append, 1)], Job(), parallel=2, stop=stop)
    threads[0].join(PATIENCE)
    assert done == []


def test_a_cancelled_job_tells_the_tasks_to_stop() -> None:
    job, stop = Job(), threading.Event()

    def task() -> None:
        job.cancel()
        assert stop.wait(PATIENCE)

    with pytest.raises(Cancelled):
        run_all([task], job, parallel=1, stop=stop)
    assert stop.is_set()


def test_in_order_the_failure_of_the_earliest_task_counts() -> None:
    """However long it takes: the later failure is known first."""
    has_failed = threading.Event()

    def late() -> None:
        assert has_failed.wait(PATIENCE)
        raise NotFound("early")

    def soon() -> None:
        has_failed.set()
        raise NotFound("late")

    with pytest.raises(NotFound, match="early"):
        run_all([late, soon], Job(), parallel=2, in_order=True)


def test_in_order_what_comes_after_a_failure_of_everything_is_not_waited_for() -> None:
    hang, has_begun = threading.Event(), threading.Event()

    def fail() -> None:
        assert has_begun.wait(PATIENCE)
        raise RegistryError("no network")

    def work() -> None:
        has_begun.set()
        hang.wait(2 * PATIENCE)

    with pytest.raises(RegistryError, match="no network"):
        run_all([fail, work], Job(), parallel=2, in_order=True)
    hang.set()


def test_in_order_nothing_is_begun_after_a_failure_of_everything() -> None:
    done: list[int] = []

    with pytest.raises(RegistryError) as caught:
        run_all([failing(RegistryError("gone")), partial(done.append, 1)], Job(), parallel=1, in_order=True)
    assert (done, caught.value.others) == ([], ())


def failing(error: Exception) -> Callable[[], None]:
    """Return a task that raises an error."""

    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize("parallel", [1, 2, 8])
@pytest.mark.parametrize("kind", [AuthNeeded, LockMismatch, ManifestInvalid, NotFound, Offline, PlatformMissing])
def test_in_order_failures_of_single_images_are_told_together(kind: type[LkboardError], parallel: int) -> None:
    done: list[int] = []
    names = ["one", "two", "two", "three"]
    tasks = [failing(kind("no", where=name)) for name in names]
    with pytest.raises(kind) as caught:
        run_all([*tasks, partial(done.append, 1)], Job(), parallel=parallel, in_order=True)
    assert str(caught.value).splitlines() == ["one: no", "two: no", "three: no"]
    assert done == [1]


@pytest.mark.parametrize("parallel", [1, 2, 8])
def test_in_order_a_failure_of_everything_is_the_last_that_is_told(parallel: int) -> None:
    errors = [NotFound("no", where="one"), RegistryError("gone", where="two"), NotFound("no", where="three")]
    with pytest.raises(NotFound) as caught:
        run_all([failing(error) for error in errors], Job(), parallel=parallel, in_order=True)
    assert str(caught.value).splitlines() == ["one: no", "two: gone"]


def test_a_single_task_of_a_task_runs_in_the_same_thread() -> None:
    """So that a connection can be used again."""

    def outer() -> tuple[int, int]:
        return threading.get_ident(), run_all([threading.get_ident], Job(), parallel=1)[0]

    ((outside, inside),) = run_all([outer], Job(), parallel=1)
    assert outside == inside != threading.get_ident()
