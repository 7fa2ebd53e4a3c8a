"""Jobs that make something happen in the middle of a write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.events import Job, Progress, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkboard.events import Event


def job_that_acts(step: str, state: str, action: Callable[[], object]) -> Job:
    """Return a job that runs ``action`` when a step starts or ends (``started``, ``done``)."""

    def listen(event: Event) -> None:
        if isinstance(event, Step) and (event.name, event.state) == (step, state):
            action()

    return Job(listen, progress_interval=0)


def job_that_cancels(step: str, state: str) -> Job:
    """Return a job that is cancelled when a step starts or ends."""
    job = job_that_acts(step, state, lambda: job.cancel())  # noqa: PLW0108 - there is no job yet
    return job


def job_that_acts_at(number: int, action: Callable[[Job], object]) -> Job:
    """Return a job that runs ``action`` at the ``number``-th progress event, counted over all steps from 0."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        if isinstance(event, Progress):
            if seen == number:
                action(job)
            seen += 1

    job = Job(listen, progress_interval=0)
    return job


def job_that_spoils(action: Callable[[], object], *, edges: bool) -> Job:
    """Return a job that runs ``action`` between the writing and the comparing of the edges, or of the rest."""
    if not edges:
        return job_that_acts("Verify", "started", action)
    starts = []

    def listen(event: Event) -> None:
        if isinstance(event, Progress) and event.step == "Commit" and event.done == 0:
            starts.append(event)
            if len(starts) == 2:  # the first is the start of the writing
                action()

    return Job(listen, progress_interval=0)


def cancel(job: Job) -> None:
    """Cancel the job."""
    job.cancel()
