"""A config as the system that it makes, before it becomes an artifact: what build, explain and diff have in common."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.app.assembly import assemble_root, read_config, resolve_images
from lkboard.app.build_options import DEFAULT_SBOM, epoch_of
from lkboard.app.locked import check_tools, surroundings_of

if TYPE_CHECKING:
    from lkboard.app.assembly import Images, Surroundings
    from lkboard.app.build_options import BuildOptions
    from lkboard.app.build_plan import BuildPlan
    from lkboard.events import Job
    from lkboard.model.config import Config
    from lkboard.model.rootfs import Rootfs
    from lkboard.rootfs.sbom import SbomOptions


@dataclass(frozen=True, slots=True)
class System:
    """A config, the images that it names, the root that they make, and with what it was put together.

    ``epoch`` is the time of everything that was made up, in Unix seconds.
    """

    config: Config
    images: Images
    rootfs: Rootfs
    around: Surroundings
    epoch: int


def make_system(
    options: BuildOptions, plan: BuildPlan, job: Job, *, stdin: bytes | None = None, with_losses: bool = False
) -> System:
    """Put together the root of a planned build, and write nothing but into the store.

    ``with_losses`` also notes what was hidden or deleted on the way. Raises `UsageError`, `ConfigError`, `OciError`,
    `BuildError`, `Cancelled`.
    """
    from lkboard.rootfs.assemble import AssembleOptions

    epoch = epoch_of(os.environ.get("SOURCE_DATE_EPOCH", ""))
    board = next((planned.board for planned in plan.formats if planned.board), None)
    config = read_config(options.files, board, stdin=stdin, job=job, web=options.web)
    around = surroundings_of(options, plan.architecture, job)
    check_tools(plan, around.lock)
    images = resolve_images(config, around, with_sboms=options.sbom is not None)
    assembling = AssembleOptions(
        sbom=_sbom_options(options, epoch),
        epoch=epoch,
        with_losses=with_losses,
    )
    return System(config, images, assemble_root(config, images, around, assembling), around, epoch)


def _sbom_options(options: BuildOptions, epoch: int) -> SbomOptions | None:
    from lkboard.oci.layers.file_tree import clean
    from lkboard.rootfs.sbom import SbomOptions

    if options.sbom is None:
        return None
    created = epoch if options.sbom_created is None else options.sbom_created
    return SbomOptions(clean(options.sbom) or DEFAULT_SBOM, created)
