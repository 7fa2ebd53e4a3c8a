"""From config files to the root: the steps that every use case shares which looks into what a config makes.

files ─read_config─▶ Config ─resolve_images─▶ Images ─assemble_root─▶ Rootfs
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lkboard.errors import ConfigError, NotFound, OciError, StoreCorrupt
from lkboard.model.image import Platform, ResolvedImage, WholeImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lkboard.events import Job
    from lkboard.model.board import Board
    from lkboard.model.config import Config, ImageName
    from lkboard.model.lock import Lock
    from lkboard.model.reference import Reference
    from lkboard.model.rootfs import Rootfs
    from lkboard.model.web import WebAccess
    from lkboard.oci.servers.settings import RegistrySettings
    from lkboard.oci.store.store import Store
    from lkboard.rootfs.assemble import AssembleOptions
    from lkboard.sources.locked import Image


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every step of one run needs: where images are kept, how they are fetched, and who is told.

    With a ``lock``, nothing is used that it does not name.
    """

    store: Store
    settings: RegistrySettings
    architecture: str
    job: Job
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a config: by reference for its sections, by the volume's number for volumes of format ``oci``."""

    by_reference: Mapping[str, ResolvedImage]
    layouts: Mapping[int, WholeImage] = field(default_factory=dict)

    @property
    def all(self) -> tuple[ResolvedImage | WholeImage, ...]:
        """Every image, in the config's order."""
        return (*self.by_reference.values(), *self.layouts.values())


def read_config(files: Sequence[str], board: Board | None, *, stdin: bytes | None, job: Job, web: WebAccess) -> Config:
    """Return what the files say together, addresses among them as ``web`` allows; warnings become notes.

    Raises `ConfigError` with every error, `TlsError`, `Cancelled`.
    """
    from lkboard.app.check import check_for

    result = check_for(files, board, stdin=stdin, job=job, web=web)
    for problem in result.problems:
        if problem.severity == "warning":
            job.note(str(problem), "warning")
    if result.config is None:
        raise ConfigError([problem for problem in result.problems if problem.severity == "error"])
    return result.config


def resolve_images(config: Config, around: Surroundings, *, with_sboms: bool = False) -> Images:
    """Turn every reference of a config into digests; no layer is fetched yet.

    Raises `OciError`, `LockMismatch`, with those of all other images, in the config's order, and `Cancelled`.
    """
    from lkboard.oci.registry.pull import Puller
    from lkboard.oci.registry.workers import run_all

    puller = Puller(around.store, around.settings, around.job)
    wanted = Platform("linux", around.architecture)
    names: dict[str, ImageName] = {}
    for name in config.images:
        names.setdefault(str(name.reference), name)
    volumes = {index: volume for index, volume in enumerate(config.volumes) if volume.image and volume.format == "oci"}
    tasks: list[Callable[[], ResolvedImage | WholeImage]] = [
        partial(_resolve, name, around, partial(puller.resolve, platform=wanted)) for name in names.values()
    ]
    for volume in volumes.values():
        assert volume.image
        find = partial(puller.resolve_whole, platforms=volume.platforms)
        tasks.append(partial(_resolve, volume.image, around, find))
    with around.job.step("Resolve images"):
        results = run_all(tasks, around.job, parallel=around.settings.parallel, in_order=True)
        found = [image for image in results if isinstance(image, ResolvedImage)]
        if with_sboms:
            statements = [partial(puller.with_sboms, image) for image in found]
            found = run_all(statements, around.job, parallel=around.settings.parallel, in_order=True)
    layouts = [image for image in results if isinstance(image, WholeImage)]
    return Images(dict(zip(names, found, strict=True)), dict(zip(volumes, layouts, strict=True)))


def _resolve(name: ImageName, around: Surroundings, resolve: Callable[[Reference], Image]) -> Image:
    from lkboard.sources.locked import resolve_locked

    is_vendored = around.settings.is_vendored
    try:
        return resolve_locked(name.reference, resolve, around.lock, where=name.place, is_vendored=is_vendored)
    except OciError as error:
        if error.where == str(name.reference):
            error.where = f"{name.place}: {name.reference}"
        raise


@contextmanager
def _vendored_hint(around: Surroundings) -> Iterator[None]:
    """Say how a vendored folder that is not whole is made anew."""
    from lkboard.sources.locked import remake_hint

    try:
        yield
    except (NotFound, StoreCorrupt) as error:
        if around.settings.is_vendored and around.lock:
            error.hint = remake_hint(around.lock)
        raise


def assemble_root(config: Config, images: Images, around: Surroundings, options: AssembleOptions) -> Rootfs:
    """Fetch the layers that the store does not have and put the root together.

    A layer that turns out to be damaged is fetched again. Raises `OciError`, `BuildError`, `Cancelled`.
    """
    from lkboard.oci.registry.pull import Puller
    from lkboard.rootfs.assemble import assemble

    puller = Puller(around.store, around.settings, around.job)
    with _vendored_hint(around):
        puller.fetch(images.all)
    run = partial(assemble, config, images.by_reference, around.store, options, around.job, layouts=images.layouts)
    with around.job.step("Assemble root"):
        try:
            return run()
        except StoreCorrupt as error:
            if around.settings.offline:
                raise
            around.job.note(f"{error.where}: {error.message}; fetching it again", "warning")
            puller.fetch(images.all, recheck=True)
            return run()
