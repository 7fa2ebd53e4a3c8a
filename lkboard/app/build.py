"""Build: config files and the images that they name become artifacts.

options ─plan_build─▶ BuildPlan ─make_system─▶ System ─format.plan─▶ extents ─▶ files
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lkboard.app.board_files import board_files, board_part, source_context
from lkboard.app.locked import tools_of
from lkboard.app.outputs import stream, write
from lkboard.app.overwriting import refuse_sources
from lkboard.app.plain_kernel import with_plain_kernel
from lkboard.app.planning import plan_build
from lkboard.app.system import make_system
from lkboard.errors import Cancelled, LkboardError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkboard.app.assembly import Surroundings
    from lkboard.app.build_options import BuildOptions
    from lkboard.app.build_plan import BuildPlan, PlannedFormat
    from lkboard.app.system import System
    from lkboard.disk.replacing import Replacement
    from lkboard.events import Job
    from lkboard.formats.format import BuildInput, PlannedFile
    from lkboard.model.artifact import Artifact
    from lkboard.model.board import Board
    from lkboard.model.disk import BootFile
    from lkboard.model.extents import Content

    _BoardFiles = list[tuple[Board, BootFile]]


def build(
    options: BuildOptions, job: Job, *, stdin: bytes | None = None, stdout: BinaryIO | None = None
) -> tuple[Artifact, ...]:
    """Build every planned file and return them.

    ``stdin`` is the config when a file is ``-``; ``stdout`` takes the artifact when the output is ``-``. Raises
    `UsageError`, `ConfigError`, `OciError`, `BuildError`, `Cancelled`; no output file is there before all of its
    format are whole, and all of the formats that share files with it.
    """
    plan = plan_build(options)
    if options.input_tar:
        from lkboard.app.input_tar import check_input_tar

        check_input_tar(Path(options.input_tar))
    _tell_useless_size(plan, job)
    system = make_system(options, plan, job, stdin=stdin)
    refuse_sources(plan, system.config)
    given, around = _build_input(system, plan), system.around
    used: _BoardFiles = []
    made: list[Artifact] = []
    with _telling_what_stays(made, job):
        if plan.record is None:
            _make_all(plan, given, around, stdout=stdout, used=used, made=made)
            return tuple(made)
        from lkboard.app.record import make_record, open_record, summed, write_record

        with open_record(plan.record) as file:
            _make_all(plan, given, around, stdout=stdout, used=used, made=made)
            artifacts = tuple(summed(artifact, job) for artifact in made)
            record = make_record(options, plan, system, job, board_files=used, artifacts=artifacts)
            write_record(plan.record, file, record)
        return artifacts


def _tell_useless_size(plan: BuildPlan, job: Job) -> None:
    """Tell that formats have no size to choose; scripts for LinuxKit give one to any format."""
    names = [planned.format.name for planned in plan.formats if not planned.format.is_disk]
    if plan.size_bytes and names:
        job.note(f"--size is that of disks and says nothing about {' and '.join(names)}", "warning")


def dry_run(options: BuildOptions, job: Job, *, stdin: bytes | None = None) -> str:
    """Return the merged config of a build as YAML. Raises `ConfigError`, `Cancelled`."""
    from lkboard.config.dump import dry_run as dump
    from lkboard.config.load import load_config

    return dump(load_config(options.files, stdin=stdin, job=job, web=options.web).config)


def _build_input(system: System, plan: BuildPlan) -> BuildInput:
    from lkboard.formats.format import BuildInput

    return BuildInput(
        rootfs=system.rootfs,
        architecture=plan.architecture,
        cache_dir=system.around.store.derived_dir("segments"),
        job=system.around.job,
        is_unified=plan.is_unified,
        size_bytes=plan.size_bytes,
        epoch=system.epoch,
    )


def _with_board(given: BuildInput, board: Board, around: Surroundings, used: _BoardFiles) -> BuildInput:
    """Return what a format is made from with a board's files, and with its parts once they are asked for."""
    from lkboard.model.disk import BootFile

    context = source_context(around, given.rootfs)
    files = board_files(board, context)
    used += ((board, file) for file in files)

    def part(name: str) -> Content:
        content = board_part(board, context, name)
        used.append((board, BootFile(name, content)))
        return content

    return replace(given, board=board, board_files=files, part=part)


@contextmanager
def _telling_what_stays(made: list[Artifact], job: Job) -> Iterator[None]:
    """Tell which outputs are whole when the block fails."""
    try:
        yield
    except (LkboardError, Cancelled):
        if made:
            job.note(f"these are whole, and stay: {', '.join(artifact.path for artifact in made)}")
        raise


def _make_all(
    plan: BuildPlan,
    given: BuildInput,
    around: Surroundings,
    *,
    stdout: BinaryIO | None,
    used: _BoardFiles,
    made: list[Artifact],
) -> None:
    """Make one format after the other and add what has its name to ``made``.

    The record of an earlier build is gone before a file is replaced.
    """
    from lkboard.disk.replacing import replacing_together

    for formats in _sets(plan.formats):
        whole: list[Artifact] = []
        with replacing_together() as together:
            if plan.record is not None:
                together.remove([Path(os.path.realpath(plan.record))])
            for planned in formats:
                fitting = with_plain_kernel(given, planned) if plan.decompresses_kernel else given
                whole += _make(planned, fitting, around, stdout=stdout, used=used, together=together)
        made += whole


def _sets(formats: Iterable[PlannedFormat]) -> Iterable[list[PlannedFormat]]:
    """Put formats that share files together, lest a new kernel stand beside the root of an earlier build."""
    sets: dict[str, list[PlannedFormat]] = {}
    for planned in formats:
        sets.setdefault("" if planned.format.shared else planned.format.name, []).append(planned)
    return sets.values()


def _make(
    planned: PlannedFormat,
    given: BuildInput,
    around: Surroundings,
    *,
    stdout: BinaryIO | None,
    used: _BoardFiles,
    together: Replacement,
) -> list[Artifact]:
    """Plan and write the files of one format, which have their names when ``together`` ends; a stream leaves none.

    What boards bring is added to ``used``.
    """
    if planned.board:
        given = _with_board(given, planned.board, around, used)
    with around.job.step(f"Lay out {planned.format.name}"):
        outputs = planned.format.plan(given)
    tools = tools_of(planned.format)
    wanted = [output for output in outputs if output.suffix not in planned.left_out]
    if stdout is not None:
        for output in wanted:
            stream(output.extents, stdout, around.job, compression=planned.compression)
        return []
    together.remove(_no_longer_made(planned, wanted))
    made = [
        write(
            output.extents,
            planned.path_of(output.suffix),
            planned.format.name,
            around.job,
            compression=planned.compression,
            sidecars=planned.sidecars,
            together=together,
        )
        for output in wanted
    ]
    return [replace(artifact, tools=tools) for artifact in made]


def _no_longer_made(planned: PlannedFormat, outputs: Iterable[PlannedFile]) -> Iterator[Path]:
    """Yield the files of earlier builds that would be taken for parts of this one, such as a command line."""
    from lkboard.disk.sidecars import sidecar_paths

    made = {planned.path_of(output.suffix) for output in outputs}
    for path in planned.paths:
        if path not in made:
            yield from (path, *sidecar_paths(path))
