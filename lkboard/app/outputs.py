"""Planned files become artifacts, or go to standard output, and progress is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from lkboard.model.artifact import Artifact

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.extents import ExtentMap


def write(extents: ExtentMap, path: Path, format_name: str, job: Job) -> Artifact:
    """Write a planned file to its place. Raises `OutputError`, `BuildError`, `Cancelled`; nothing is left then."""
    from lkboard.disk.output import write_file

    name = f"Write {path}"
    with job.step(name):
        total = extents.mapped_bytes
        write_file(extents, path, on_bytes=lambda done: job.progress(name, done, total))
    return Artifact(str(path), format_name, extents.size, total)


def stream(extents: ExtentMap, stdout: BinaryIO, job: Job) -> None:
    """Write a planned file to a stream, as tools that read it through a pipe want it.

    Raises `OutputError`, `BuildError`, `Cancelled`.
    """
    from lkboard.disk.output import write_stream

    name = "Write to standard output"
    with job.step(name):
        write_stream(extents, stdout, on_bytes=lambda done: job.progress(name, done, extents.size))
