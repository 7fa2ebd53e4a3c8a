"""Images into the store: what a build asks for (build.md section 7.2, registry.md section 8)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from lkboard.errors import AuthNeeded, NotFound, Offline, RegistryError, StoreCorrupt, StoreUnusable
from lkboard.model.image import ResolvedImage
from lkboard.model.kit import BUILD_COMMAND, is_kit
from lkboard.oci.image_spec.platform import parse_platform
from lkboard.oci.registry.fetch import Fetcher
from lkboard.oci.registry.resolve import Resolver
from lkboard.oci.registry.workers import run_all
from lkboard.oci.store.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkboard.events import Job
    from lkboard.model.image import Descriptor, Platform, WholeImage
    from lkboard.model.reference import Reference
    from lkboard.oci.archives.engine import Engine
    from lkboard.oci.servers.settings import RegistrySettings
    from lkboard.oci.store.store import Store

_T = TypeVar("_T")
PULL_STEP = "Pull images"
_SPACE_MARGIN = 1.05


class Puller:
    """Brings images into the store. What is there already is never asked of the network.

    Raises `NotFound`, `AuthNeeded`, `RegistryError`, `DigestMismatch` for what a registry does, `StoreCorrupt` and
    `StoreUnusable` for the store, and `Cancelled` within a moment after the job is cancelled.
    """

    def __init__(self, store: Store, settings: RegistrySettings, job: Job) -> None:
        self._store = store
        self._settings = settings
        self._job = job
        self._fetcher = Fetcher(store, settings, job)
        self._resolver = Resolver(store, self._fetcher, settings, job)
        self._engine = None if settings.engine is None else _engine(settings.engine, store, job)

    def resolve(self, reference: Reference, platform: Platform) -> ResolvedImage:
        """Return the image that a reference means on a platform; its manifest and configuration are in the store then.

        Raises `PlatformMissing` and `ManifestInvalid` besides.
        """
        task = self._explained(partial(self._resolve, reference, platform), reference)
        return run_all([task], self._job, parallel=1)[0]

    def _resolve(self, reference: Reference, platform: Platform) -> ResolvedImage:
        local = self._engine.copy(reference, platform) if self._engine else None
        if local is None:
            return self._resolver.resolve(reference, platform)
        image = self._resolver.resolve(replace(reference, digest=local.digest), platform, is_kept=False)
        # an engine has none of the attestations that its indexes list
        return replace(image, reference=reference, attestations=())

    def with_sboms(self, image: ResolvedImage) -> ResolvedImage:
        """Return an image that names the bills of materials in its attestations, which `fetch` then brings as well.

        Raises `ManifestInvalid` besides.
        """
        task = self._explained(partial(self._resolver.with_sboms, image), image.reference)
        return run_all([task], self._job, parallel=1)[0]

    def resolve_whole(self, reference: Reference, platforms: Sequence[str] = ()) -> WholeImage:
        """Return an image for some platforms (``linux/arm64``), or with all that its index lists, even attestations.

        Its manifests are in the store then. Raises `ManifestInvalid` besides.
        """
        wanted = tuple(parse_platform(text) for text in platforms)
        task = self._explained(partial(self._resolver.resolve_whole, reference, wanted), reference)
        return run_all([task], self._job, parallel=1)[0]

    def fetch(self, images: Sequence[ResolvedImage | WholeImage], *, recheck: bool = False) -> None:
        """Bring all layers and bills of materials of some images into the store, the biggest first.

        The digests of those that are there are computed if their files have changed, or to ``recheck``.
        """
        with self._job.step(PULL_STEP):
            missing = self._missing(images, recheck=recheck)
            meter = Meter(self._job, PULL_STEP, sum(layer.size for layer, _ in missing))
            self._check_space(meter.total)
            tasks = [
                self._explained(partial(self._fetcher.blob, layer, reference, meter.add, recheck=recheck), reference)
                for layer, reference in missing
            ]
            run_all(tasks, self._job, parallel=self._settings.parallel, stop=meter.stop)

    def _explained(self, task: Callable[[], _T], reference: Reference) -> Callable[[], _T]:
        """Return a task that says, when it fails for an image of the kit, how that is made: no registry has it."""
        if self._settings.is_vendored or not is_kit(str(reference)):
            return task

        def run() -> _T:
            try:
                return task()
            except (NotFound, AuthNeeded, RegistryError, Offline, StoreCorrupt) as error:
                error.hint = f"it is of the starter kit; make that: {BUILD_COMMAND}"
                raise

        return run

    def _missing(
        self, images: Sequence[ResolvedImage | WholeImage], *, recheck: bool
    ) -> list[tuple[Descriptor, Reference]]:
        wanted = {layer.digest: (layer, image.reference) for image in images for layer in _parts(image)}
        missing = [pair for pair in wanted.values() if not self._store.is_sound(pair[0], self._job, recheck=recheck)]
        return sorted(missing, key=lambda pair: -pair[0].size)

    def _check_space(self, needed: int) -> None:
        if not needed:
            return
        free = shutil.disk_usage(self._store.derived_dir("ingest")).free
        if needed * _SPACE_MARGIN > free:
            raise StoreUnusable(
                f"the images need {needed >> 20} MiB, and {free >> 20} MiB are free",
                where=self._store.root,
                hint="free some space, or choose another folder with --cache DIR",
            )


def _engine(address: str, store: Store, job: Job) -> Engine:
    from lkboard.oci.archives.engine import Engine

    return Engine(address, store, job)


def _parts(image: ResolvedImage | WholeImage) -> tuple[Descriptor, ...]:
    return image.layers + image.sboms if isinstance(image, ResolvedImage) else image.layers
