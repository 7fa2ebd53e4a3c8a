"""Planned files become artifacts, or go to standard output, and progress is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from lkboard.model.artifact import Artifact

if TYPE_CHECKING:
    from lkboard.app.build_plan import PlannedFormat
    from lkboard.events import Job
    from lkboard.formats.format import PlannedFile
    from lkboard.model.artifact import Compression
    from lkboard.model.extents import ExtentMap


def write(output: PlannedFile, planned: PlannedFormat, job: Job) -> Artifact:
    """Write a file to its place, and its sidecars beside it.

    Raises `OutputError`, `BuildError`, `Cancelled`; nothing is left then.
    """
    from lkboard.disk.output import write_file
    from lkboard.disk.sidecars import sidecar_path

    extents, path = output.extents, planned.path_of(output.suffix)
    name = f"Write {path}"
    total = extents.size if planned.compression else extents.mapped_bytes
    with job.step(name):
        written = write_file(
            extents,
            path,
            compression=planned.compression,
            sidecars=planned.sidecars,
            on_bytes=lambda done: job.progress(name, done, total),
            on_hashed=lambda done: job.progress(f"Hash {path}", done, extents.size),
        )
    return Artifact(
        str(path),
        planned.format.name,
        size_bytes=written.size,
        mapped_bytes=written.size if planned.compression else extents.mapped_bytes,
        unpacked_bytes=extents.size if planned.compression else 0,
        sidecars=tuple(str(sidecar_path(path, kind)) for kind in planned.sidecars),
        sha256=written.sha256,
    )


def stream(extents: ExtentMap, compression: Compression | None, stdout: BinaryIO, job: Job) -> None:
    """Write a planned file to a stream, as tools that read it through a pipe want it.

    Raises `OutputError`, `BuildError`, `Cancelled`.
    """
    from lkboard.disk.output import write_stream

    name = "Write to standard output"
    with job.step(name):
        write_stream(
            extents, stdout, compression=compression, on_bytes=lambda done: job.progress(name, done, extents.size)
        )
