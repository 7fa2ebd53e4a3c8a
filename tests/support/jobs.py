"""A job whose events can be looked at, and whose waits take no time."""

from __future__ import annotations

from lkboard.events import Event, Job, Note, Progress


class RecordingJob(Job):
    """A real job that keeps its ``events`` and ``waits`` (seconds); waiting returns at once."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.waits: list[float] = []
        super().__init__(self.events.append, progress_interval=0.0)

    def wait(self, seconds: float) -> None:
        """Record the wait instead of sleeping."""
        self.waits.append(seconds)
        super().wait(0)

    @property
    def notes(self) -> list[str]:
        """The texts of all notes so far."""
        return [event.text for event in self.events if isinstance(event, Note)]

    @property
    def last_progress(self) -> Progress | None:
        """The last progress that was reported."""
        return next((event for event in reversed(self.events) if isinstance(event, Progress)), None)
