"""Build: config files and the images that they name become artifacts.

options ─plan_build─▶ BuildPlan ─load_config─▶ Config ─pull─▶ images ─assemble─▶ Rootfs ─format.plan─▶ extents ─▶ files
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from lkboard.app.build_plan import DEFAULT_SBOM, BuildOptions, BuildPlan, PlannedFormat, epoch_of, plan_build
from lkboard.errors import BoardError, ConfigError
from lkboard.model.artifact import Artifact
from lkboard.model.image import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board
    from lkboard.model.config import Config
    from lkboard.model.disk import BootFile
    from lkboard.model.extents import Content, ExtentMap
    from lkboard.model.rootfs import Rootfs
    from lkboard.oci.settings import RegistrySettings
    from lkboard.oci.store import Store
    from lkboard.rootfs.assemble import AssembleOptions
    from lkboard.sources import SourceContext


@dataclass(frozen=True, slots=True)
class _Build:
    """What every step of one build needs."""

    plan: BuildPlan
    store: Store
    settings: RegistrySettings
    job: Job
    epoch: int


def build(
    options: BuildOptions, job: Job, *, stdin: bytes | None = None, stdout: BinaryIO | None = None
) -> tuple[Artifact, ...]:
    """Build every planned file and return them.

    ``stdin`` is the config when a file is ``-``; ``stdout`` takes the artifact when the output is ``-``. Raises
    `UsageError`, `ConfigError`, `OciError`, `BuildError`, `Cancelled`; no output file is there before it is whole.
    """
    from lkboard.oci.store import open_store

    plan = plan_build(options)
    epoch = epoch_of(os.environ.get("SOURCE_DATE_EPOCH", ""))
    config = _read_config(plan, options.files, stdin, job)
    running = _Build(plan, open_store(options.cache or None), options.registry.settings(), job, epoch)
    rootfs = _assemble(config, running, _assemble_options(options, running.epoch))
    return tuple(itertools.chain.from_iterable(_make(planned, rootfs, running, stdout) for planned in plan.formats))


def dry_run(files: tuple[str, ...], *, stdin: bytes | None = None, job: Job | None = None) -> str:
    """Return the merged config as YAML. Raises `ConfigError`, `Cancelled`."""
    from lkboard.config.dump import dry_run as dump
    from lkboard.config.load import load_config

    return dump(load_config(files, stdin=stdin, job=job).config)


def _read_config(plan: BuildPlan, files: tuple[str, ...], stdin: bytes | None, job: Job) -> Config:
    from lkboard.app.check import check_for

    board = next((planned.board for planned in plan.formats if planned.board), None)
    result = check_for(files, board, stdin=stdin, job=job)
    for problem in result.problems:
        if problem.severity == "warning":
            job.note(str(problem), "warning")
    if result.config is None:
        raise ConfigError([problem for problem in result.problems if problem.severity == "error"])
    return result.config


def _assemble_options(options: BuildOptions, epoch: int) -> AssembleOptions:
    from lkboard.oci.file_tree import clean
    from lkboard.rootfs.assemble import AssembleOptions
    from lkboard.rootfs.sbom import SbomOptions

    sbom = None
    if options.sbom is not None:
        created = epoch if options.sbom_created is None else options.sbom_created
        sbom = SbomOptions(clean(options.sbom) or DEFAULT_SBOM, created)
    return AssembleOptions(decompress_kernel=options.decompress_kernel, sbom=sbom, epoch=epoch)


def _assemble(config: Config, build: _Build, options: AssembleOptions) -> Rootfs:
    from lkboard.oci.pull import Puller
    from lkboard.rootfs.assemble import assemble

    puller = Puller(build.store, build.settings, build.job)
    wanted = Platform("linux", build.plan.architecture)
    references = {str(image.reference): image.reference for image in config.images}
    with build.job.step("Resolve images"):
        images = {text: puller.resolve(reference, wanted) for text, reference in references.items()}
        if options.sbom:
            images = {text: puller.with_sboms(image) for text, image in images.items()}
        layouts = {
            index: puller.resolve_whole(volume.image.reference, volume.platforms)
            for index, volume in enumerate(config.volumes)
            if volume.image and volume.format == "oci"
        }
    puller.fetch((*images.values(), *layouts.values()))
    with build.job.step("Assemble root"):
        return assemble(config, images, build.store, options, build.job, layouts=layouts)


def _make(planned: PlannedFormat, rootfs: Rootfs, build: _Build, stdout: BinaryIO | None) -> Iterator[Artifact]:
    """Plan and write the files of one format; a stream leaves no artifact."""
    from lkboard.formats.format import BuildInput

    given = BuildInput(
        rootfs=rootfs,
        architecture=build.plan.architecture,
        cache_dir=build.store.derived_dir("segments"),
        job=build.job,
        is_unified=build.plan.is_unified,
        size_bytes=build.plan.size_bytes,
        epoch=build.epoch,
    )
    if planned.board:
        given = _with_board(given, planned.board, build)
    with build.job.step(f"Lay out {planned.format.name}"):
        outputs = planned.format.plan(given)
    for output in outputs:
        if build.plan.to_stdout and stdout is not None:
            _stream(output.extents, stdout, build.job)
        else:
            yield _write(output.extents, planned.path_of(output.suffix), planned.format.name, build.job)


def _with_board(given: BuildInput, board: Board, build: _Build) -> BuildInput:
    context = _source_context(given.rootfs, build)
    return replace(given, board=board, board_files=_board_files(board, context), part=partial(_part, board, context))


def _source_context(rootfs: Rootfs, build: _Build) -> SourceContext:
    from lkboard.model.rootfs import Kind
    from lkboard.rootfs.kernel import BOOT
    from lkboard.sources import SourceContext
    from lkboard.sources.apt.packages import DebianPackages

    with_kernel = (entry for entry in rootfs.entries if entry.kind is Kind.FILE and entry.path.startswith(f"{BOOT}/"))
    return SourceContext(
        store=build.store,
        job=build.job,
        packages=DebianPackages(build.store, build.job),
        kernel_files={entry.path: entry.content for entry in with_kernel},
        registry=build.settings,
    )


def _board_files(board: Board, context: SourceContext) -> tuple[BootFile, ...]:
    from lkboard.model.disk import BootFile
    from lkboard.sources import fetch

    with context.job.step("Collect board files"):
        found = ((file, fetch(file, architecture=board.architecture, context=context)) for file in board.files)
        return tuple(BootFile(file.to, content) for file, content in found if content is not None)


def _part(board: Board, context: SourceContext, name: str) -> Content:
    from lkboard.sources import fetch

    file = next((part for part in board.parts if part.to == name), None)
    content = fetch(file, architecture=board.architecture, context=context) if file else None
    if content is None:
        raise BoardError(
            f"the board '{board.id}' has no part '{name}', which this format is built from",
            where=board.place,
            hint="add it to 'parts' as docs/reference/board.md shows",
        )
    return content


def _write(extents: ExtentMap, path: Path, format_name: str, job: Job) -> Artifact:
    from lkboard.disk.output import write_file

    name = f"Write {path}"
    with job.step(name):
        total = extents.mapped_bytes
        write_file(extents, path, on_bytes=lambda done: job.progress(name, done, total))
    return Artifact(str(path), format_name, extents.size, total)


def _stream(extents: ExtentMap, stdout: BinaryIO, job: Job) -> None:
    from lkboard.disk.output import write_stream

    name = "Write to standard output"
    with job.step(name):
        write_stream(extents, stdout, on_bytes=lambda done: job.progress(name, done, extents.size))
