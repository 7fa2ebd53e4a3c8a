"""A config as the system that it makes, without an artifact at the end: what explain and diff look into."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkboard.app.assembly import Surroundings, assemble_root, read_config, resolve_images
from lkboard.app.build_plan import DEFAULT_SBOM, epoch_of
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import UsageError
from lkboard.model.architecture import go_name, host_architecture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.app.assembly import Images
    from lkboard.events import Job
    from lkboard.model.board import Board
    from lkboard.model.config import Config
    from lkboard.model.rootfs import Rootfs
    from lkboard.oci.store import Store


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """For what a system is made, and how its images are fetched. Empty texts are options that were not given."""

    board: str = ""
    architecture: str = ""
    cache: str = ""
    registry: RegistryOptions = field(default_factory=RegistryOptions)


@dataclass(frozen=True, slots=True)
class System:
    """A config, the images that it names, the root that they make, and the store that the root's contents are in."""

    config: Config
    images: Images
    rootfs: Rootfs
    store: Store
    architecture: str


def make_system(
    files: Sequence[str], options: SystemOptions, job: Job, *, stdin: bytes | None = None, with_losses: bool = False
) -> System:
    """Read config files and put together the root that a build would. Raises as a build does, but writes no output."""
    from lkboard.oci.store import open_store
    from lkboard.rootfs.assemble import AssembleOptions
    from lkboard.rootfs.sbom import SbomOptions

    board = _board(options.board)
    architecture = _architecture(board, options)
    epoch = epoch_of(os.environ.get("SOURCE_DATE_EPOCH", ""))
    config = read_config(files, board, stdin=stdin, job=job, offline=options.registry.offline)
    around = Surroundings(open_store(options.cache or None), options.registry.settings(), architecture, job)
    images = resolve_images(config, around, with_sboms=True)
    assembling = AssembleOptions(sbom=SbomOptions(DEFAULT_SBOM, epoch), epoch=epoch, with_losses=with_losses)
    return System(config, images, assemble_root(config, images, around, assembling), around.store, architecture)


def _board(name: str) -> Board | None:
    if not name:
        return None
    from lkboard.board.catalogue import find_board

    return find_board(name)


def _architecture(board: Board | None, options: SystemOptions) -> str:
    wanted = go_name(options.architecture)
    if board and wanted and wanted != board.architecture:
        raise UsageError(
            f"the board '{board.id}' is {board.architecture}, not '{options.architecture}'", hint="leave out --arch"
        )
    return board.architecture if board else wanted or host_architecture()
