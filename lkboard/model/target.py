"""Where an artifact is written, and what happened there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.device import Assessment, BlockDevice

WriteState = Literal["verified", "written-not-verified", "failed", "cancelled", "skipped"]


@dataclass(frozen=True, slots=True)
class WritePlan:
    """What a write would do, to be shown before it is confirmed. Sizes are in bytes.

    ``device`` and ``assessment`` are None for an ordinary file; ``replaces`` says what would be lost.
    """

    source: str
    target: str
    size_bytes: int
    mapped_bytes: int
    replaces: tuple[str, ...] = ()
    device: BlockDevice | None = None
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class WriteResult:
    """How a write ended. ``state`` uses the five names that all front ends share (writer.md section 2.8)."""

    target: str
    state: WriteState
    bytes_written: int
    bytes_verified: int
    seconds: float


class Target(Protocol):
    """A place that can take an image. One state machine drives every target.

    prepare → write … → flush → verify … → commit → close, or abort at any point before commit. Until ``commit`` the
    place must not look like a finished image.
    """

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def medium(self) -> Path:
        """Where others can read what was written, between the last `flush` and `commit`."""

    def prepare(self, size_bytes: int) -> None:
        """Open the place exclusively and make it unmistakably unfinished."""

    def write(self, offset: int, data: memoryview) -> None:
        """Write ``data`` at a byte offset, a multiple of 4096."""

    def flush(self) -> None:
        """Bring everything written so far to the medium."""

    def read(self, offset: int, size: int) -> bytes | memoryview:
        """Read back from the medium itself, not from a cache. A view is valid until the next call."""

    def commit(self) -> None:
        """Make the written image a finished one."""

    def abort(self) -> str:
        """Give up: leave nothing that looks finished. Returns what the user has to know of that, often nothing."""

    def close(self) -> None:
        """Let go of the place."""
