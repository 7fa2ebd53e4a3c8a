"""Planned files become artifacts, or go to standard output, and progress is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from lkboard.model.artifact import Artifact

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.disk.replacing import Replacement
    from lkboard.events import Job
    from lkboard.model.artifact import Compression, Sidecar
    from lkboard.model.extents import ExtentMap


def write(
    extents: ExtentMap,
    path: Path,
    format_name: str,
    job: Job,
    *,
    compression: Compression | None = None,
    sidecars: tuple[Sidecar, ...] = (),
    together: Replacement | None = None,
) -> Artifact:
    """Write a planned file to its place, and its sidecars beside it; with others ``together``, when that ends well.

    Raises `OutputError`, `BuildError`, `Cancelled`; nothing is left then.
    """
    from lkboard.disk.output import work, write_file
    from lkboard.disk.sidecars import sidecar_path

    name = f"Write {path}"
    total = work(extents, compression, sidecars)
    with job.step(name):
        written = write_file(
            extents,
            path,
            compression=compression,
            sidecars=sidecars,
            on_bytes=lambda done: job.progress(name, done, total),
            together=together,
        )
    return Artifact(
        str(path),
        format_name,
        size_bytes=written.size,
        mapped_bytes=written.size if compression else extents.mapped_bytes,
        unpacked_bytes=extents.size if compression else 0,
        sidecars=tuple(str(sidecar_path(path, kind)) for kind in sidecars),
        sha256=written.sha256,
    )


def stream(extents: ExtentMap, stdout: BinaryIO, job: Job, *, compression: Compression | None = None) -> None:
    """Write a planned file to a stream, as tools that read it through a pipe want it.

    Raises `OutputError`, `BuildError`, `Cancelled`.
    """
    from lkboard.disk.output import write_stream

    name = "Write to standard output"
    with job.step(name):
        write_stream(
            extents, stdout, compression=compression, on_bytes=lambda done: job.progress(name, done, extents.size)
        )
