"""Build: config files and the images that they name become artifacts.

options ─plan_build─▶ BuildPlan ─read_config─▶ Config ─resolve_images─▶ Images ─assemble_root─▶ Rootfs ─format.plan─▶
extents ─▶ files
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from lkboard.app.assembly import Surroundings, assemble_root, read_config, resolve_images
from lkboard.app.board_files import board_files, board_part, source_context
from lkboard.app.build_plan import DEFAULT_SBOM, BuildOptions, BuildPlan, PlannedFormat, epoch_of, plan_build
from lkboard.app.locked import check_tools, surroundings_of
from lkboard.app.outputs import stream, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.events import Job
    from lkboard.formats.format import BuildInput
    from lkboard.model.artifact import Artifact
    from lkboard.model.rootfs import Rootfs
    from lkboard.rootfs.assemble import AssembleOptions


def build(
    options: BuildOptions, job: Job, *, stdin: bytes | None = None, stdout: BinaryIO | None = None
) -> tuple[Artifact, ...]:
    """Build every planned file and return them.

    ``stdin`` is the config when a file is ``-``; ``stdout`` takes the artifact when the output is ``-``. Raises
    `UsageError`, `ConfigError`, `OciError`, `BuildError`, `Cancelled`; no output file is there before it is whole.
    """
    plan = plan_build(options)
    epoch = epoch_of(os.environ.get("SOURCE_DATE_EPOCH", ""))
    board = next((planned.board for planned in plan.formats if planned.board), None)
    is_offline = options.registry.offline or bool(options.vendored)
    config = read_config(options.files, board, stdin=stdin, job=job, offline=is_offline)
    around = surroundings_of(options, plan.architecture, job)
    check_tools(plan, around.lock)
    images = resolve_images(config, around, with_sboms=options.sbom is not None)
    rootfs = assemble_root(config, images, around, _assemble_options(options, epoch))
    given = _build_input(rootfs, plan, epoch, around)
    return tuple(itertools.chain.from_iterable(_make(planned, given, around, stdout) for planned in plan.formats))


def dry_run(
    files: tuple[str, ...], *, stdin: bytes | None = None, job: Job | None = None, offline: bool = False
) -> str:
    """Return the merged config as YAML; no file is an address when ``offline``. Raises `ConfigError`, `Cancelled`."""
    from lkboard.app.registry_options import is_offline
    from lkboard.config.dump import dry_run as dump
    from lkboard.config.load import load_config

    return dump(load_config(files, stdin=stdin, job=job, offline=is_offline(offline)).config)


def _assemble_options(options: BuildOptions, epoch: int) -> AssembleOptions:
    from lkboard.oci.file_tree import clean
    from lkboard.rootfs.assemble import AssembleOptions
    from lkboard.rootfs.sbom import SbomOptions

    sbom = None
    if options.sbom is not None:
        created = epoch if options.sbom_created is None else options.sbom_created
        sbom = SbomOptions(clean(options.sbom) or DEFAULT_SBOM, created)
    return AssembleOptions(decompress_kernel=options.decompress_kernel, sbom=sbom, epoch=epoch)


def _build_input(rootfs: Rootfs, plan: BuildPlan, epoch: int, around: Surroundings) -> BuildInput:
    from lkboard.formats.format import BuildInput

    return BuildInput(
        rootfs=rootfs,
        architecture=plan.architecture,
        cache_dir=around.store.derived_dir("segments"),
        job=around.job,
        is_unified=plan.is_unified,
        size_bytes=plan.size_bytes,
        epoch=epoch,
    )


def _make(
    planned: PlannedFormat, given: BuildInput, around: Surroundings, stdout: BinaryIO | None
) -> Iterator[Artifact]:
    """Plan and write the files of one format; a stream leaves no artifact."""
    if planned.board:
        context = source_context(around, given.rootfs)
        files = board_files(planned.board, context)
        given = replace(given, board=planned.board, board_files=files, part=partial(board_part, planned.board, context))
    with around.job.step(f"Lay out {planned.format.name}"):
        outputs = planned.format.plan(given)
    for output in outputs:
        if output.suffix in planned.left_out:
            continue
        if stdout is not None:
            stream(output.extents, stdout, around.job, compression=planned.compression)
        else:
            yield write(
                output.extents,
                planned.path_of(output.suffix),
                planned.format.name,
                around.job,
                compression=planned.compression,
                sidecars=planned.sidecars,
            )
