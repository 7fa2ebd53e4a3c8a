"""A config as the system that it makes, without an artifact at the end: what explain and diff look into."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.app.assembly import assemble_root, read_config, resolve_images
from lkboard.app.build_plan import DEFAULT_SBOM, epoch_of, plan_outputs
from lkboard.app.locked import surroundings_of

if TYPE_CHECKING:
    from lkboard.app.assembly import Images
    from lkboard.app.build_plan import BuildOptions
    from lkboard.events import Job
    from lkboard.model.config import Config
    from lkboard.model.rootfs import Rootfs
    from lkboard.oci.store import Store


@dataclass(frozen=True, slots=True)
class System:
    """A config, the images that it names, the root that they make, and the store that the root's contents are in."""

    config: Config
    images: Images
    rootfs: Rootfs
    store: Store


def make_system(options: BuildOptions, job: Job, *, stdin: bytes | None = None, with_losses: bool = False) -> System:
    """Put together the root that a build would, and write nothing. Raises as a build does."""
    from lkboard.rootfs.assemble import AssembleOptions
    from lkboard.rootfs.sbom import SbomOptions

    plan = plan_outputs(options)
    epoch = epoch_of(os.environ.get("SOURCE_DATE_EPOCH", ""))
    board = next((planned.board for planned in plan.formats if planned.board), None)
    is_offline = options.registry.offline or bool(options.vendored)
    config = read_config(options.files, board, stdin=stdin, job=job, offline=is_offline)
    around = surroundings_of(options, plan.architecture, job)
    images = resolve_images(config, around, with_sboms=True)
    assembling = AssembleOptions(sbom=SbomOptions(DEFAULT_SBOM, epoch), epoch=epoch, with_losses=with_losses)
    return System(config, images, assemble_root(config, images, around, assembling), around.store)
