"""The record of a build, put together when it has ended, and written (docs/reference/build-record.md)."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard import __version__
from lkboard.model.image import ResolvedImage
from lkboard.model.record import (
    BuildRecord,
    RecordedBoard,
    RecordedBoardFile,
    RecordedHostFile,
    RecordedImage,
    RecordedOptions,
    RecordedOutput,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO

    from lkboard.app.build_options import BuildOptions
    from lkboard.app.build_plan import BuildPlan
    from lkboard.app.system import System
    from lkboard.events import Job
    from lkboard.model.artifact import Artifact
    from lkboard.model.board import Board
    from lkboard.model.disk import BootFile
    from lkboard.model.extents import Content
    from lkboard.model.image import WholeImage

VERSION = 1


def summed(artifact: Artifact, job: Job) -> Artifact:
    """Return an artifact with the sum of its file, which is read only if no sidecar has it already.

    Raises `BuildError` and `Cancelled`.
    """
    from lkboard.disk.content import chunks
    from lkboard.model.extents import Content, FileSpan

    if artifact.sha256:
        return artifact
    state, done, step = hashlib.sha256(), 0, f"Sum {artifact.path}"
    with job.step(step):
        for chunk in chunks(Content((FileSpan(artifact.path, 0, artifact.size_bytes),))):
            state.update(chunk)
            done += len(chunk)
            job.progress(step, done, artifact.size_bytes)
    return replace(artifact, sha256=state.hexdigest())


def make_record(
    options: BuildOptions,
    plan: BuildPlan,
    system: System,
    job: Job,
    *,
    board_files: Iterable[tuple[Board, BootFile]],
    artifacts: Iterable[Artifact],
) -> BuildRecord:
    """Return the record of a build that used some files of boards and made some artifacts, whose sums are known.

    Raises `BuildError` and `Cancelled`.
    """
    boards = {planned.board.id: planned.board for planned in plan.formats if planned.board}
    made = tuple(artifacts)
    with job.step("Sum what went in"):
        host_files = sorted(_host_files(system, job), key=lambda file: file.path)
        used = sorted({*_board_files(board_files, boards.values(), job)}, key=_file_key)
    return BuildRecord(
        lkboard=__version__,
        architecture=plan.architecture,
        formats=tuple(sorted(planned.format.name for planned in plan.formats)),
        epoch=system.epoch,
        options=_options(options, plan, system.epoch),
        configs=system.config.sources,
        host_files=tuple(host_files),
        images=tuple(sorted({*map(_image, system.images.all)}, key=lambda image: (image.reference, image.platform))),
        boards=tuple(RecordedBoard(name, board.sha256) for name, board in sorted(boards.items())),
        board_files=tuple(used),
        tools=tuple(sorted({tool for artifact in made for tool in artifact.tools}, key=lambda tool: tool.name)),
        outputs=tuple(sorted(map(_output, made), key=lambda output: output.name)),
    )


@contextmanager
def open_record(path: Path) -> Iterator[FileIO]:
    """Open the file that becomes the record when the block ends well; the older one has its name until then.

    Raises `OutputError`.
    """
    from lkboard.disk.replacing import explained, refuse_special, replacing_together

    with replacing_together() as together:
        with explained(path, 0):
            refuse_special(path)
            (file,) = together.open((Path(os.path.realpath(path)),))
        yield file


def write_record(path: Path, file: FileIO, record: BuildRecord) -> None:
    """Write a record as JSON into the file that `open_record` gave for a path. Raises `OutputError`."""
    from lkboard.disk.replacing import explained
    from lkboard.writing import write_all

    text = json.dumps({"version": VERSION, **asdict(record)}, indent=2, sort_keys=True)
    with explained(path, len(text)):
        write_all(file, f"{text}\n".encode())
        os.fsync(file.fileno())


def _options(options: BuildOptions, plan: BuildPlan, epoch: int) -> RecordedOptions:
    return RecordedOptions(
        compression=plan.formats[0].compression or "",  # the same for all: one file is named, or an option says it
        decompress_kernel=options.decompress_kernel,
        sbom=options.sbom or "",
        sbom_created=epoch if options.sbom_created is None else options.sbom_created,
        size_bytes=plan.size_bytes,
        unified_kernel=plan.is_unified,
    )


def _host_files(system: System, job: Job) -> Iterator[RecordedHostFile]:
    """Yield the files of this machine as they went into the system, unless something replaced them there."""
    from lkboard.model.rootfs import Kind

    copied = {f"files[{index}]": file.source for index, file in enumerate(system.config.files) if file.source}
    for entry in system.rootfs.entries:
        source = copied.get(entry.origin.location)
        if source and entry.kind is Kind.FILE:
            yield RecordedHostFile(entry.path, source, _sha256(entry.content, job))


def _image(image: ResolvedImage | WholeImage) -> RecordedImage:
    name = str(image.reference)
    if isinstance(image, ResolvedImage):
        top = image.index or image.manifest
        return RecordedImage(name, top.digest, str(image.platform), image.manifest.digest)
    return RecordedImage(name, image.top.digest)


def _board_files(
    used: Iterable[tuple[Board, BootFile]], boards: Iterable[Board], job: Job
) -> Iterator[RecordedBoardFile]:
    """Yield what was used of boards, and the templates of their texts."""
    from lkboard.model.extents import Content

    contents = [(board.id, file.path, file.content) for board, file in used]
    contents += ((board.id, text.to, Content.of(text.template.encode())) for board in boards for text in board.text)
    for board, to, content in contents:
        yield RecordedBoardFile(board, to, content.size, _sha256(content, job))


def _sha256(content: Content, job: Job) -> str:
    """Return the sum of a content. What went in of a file is asked of its span: the file may be edited by now."""
    from lkboard.disk.content import digest
    from lkboard.model.extents import FileSpan

    match content.parts:
        case (FileSpan(_path, 0, size, known, (_device, _inode, whole, _time)),) if known and size == whole:
            return known.removeprefix("sha256:")
    return digest(content, job.check).removeprefix("sha256:")


def _file_key(file: RecordedBoardFile) -> tuple[str, str, str]:
    return file.board, file.to, file.sha256


def _output(artifact: Artifact) -> RecordedOutput:
    return RecordedOutput(Path(artifact.path).name, artifact.format, artifact.size_bytes, artifact.sha256)
