"""The use cases of ``lkboard cache`` that bring images into the store or out of it.

The spellings are those of LinuxKit (cli.md section 5).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from lkboard.app.cache import known_name
from lkboard.app.references import given_reference
from lkboard.app.registry_options import RegistryOptions
from lkboard.errors import PlatformMissing, UsageError
from lkboard.model.architecture import host_architecture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkboard.events import Job
    from lkboard.model.artifact import Artifact
    from lkboard.model.extents import ExtentMap
    from lkboard.model.image import Descriptor, Platform, ResolvedImage, WholeImage
    from lkboard.model.reference import Reference
    from lkboard.model.rootfs import Entry
    from lkboard.model.stored import StoredImage
    from lkboard.oci.registry.pull import Puller
    from lkboard.oci.store.store import Store

ALL = "all"
STDIO = "-"
ExportFormat = Literal["oci", "docker", "filesystem"]


@dataclass(frozen=True, slots=True)
class PullOptions:
    """What a user wants pulled. ``platforms`` are ``arm64`` or ``linux/arm64``; ``all``, or none, is all of them."""

    names: tuple[str, ...]
    platforms: tuple[str, ...] = ()
    cache: str = ""
    registry: RegistryOptions = field(default_factory=RegistryOptions)


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a user wants exported. ``output`` may be ``-``; ``as_name`` is the name in the archive, if another one."""

    name: str
    output: str
    format: ExportFormat = "oci"
    platforms: tuple[str, ...] = ()
    as_name: str = ""
    cache: str = ""


def pull_images(options: PullOptions, job: Job) -> tuple[StoredImage, ...]:
    """Bring images into the store with all that builds may ask for, and return what the store has of them then.

    The registry is asked even for tags that the store has, as LinuxKit does, unless that is forbidden. Raises
    `OciError`, `Cancelled`.
    """
    from lkboard.oci.image_spec.platform import parse_platform
    from lkboard.oci.registry.pull import Puller
    from lkboard.oci.registry.workers import run_all
    from lkboard.oci.store.inventory import list_images
    from lkboard.oci.store.store import open_store

    references = [given_reference(name) for name in options.names]
    settings = options.registry.settings()
    store = open_store(options.cache or None)
    puller = Puller(store, replace(settings, always_pull=not settings.offline), job)
    platforms = tuple(map(parse_platform, () if ALL in options.platforms else options.platforms))
    with job.step("Resolve images"):
        tasks = [partial(_resolve, reference, platforms, puller) for reference in references]
        found = run_all(tasks, job, parallel=settings.parallel, in_order=True)
    puller.fetch([image for images in found for image in images])
    known = store.names()
    pulled = {known_name(str(reference), known.keys()) for reference in references}
    return tuple(image for image in list_images(store) if image.name in pulled)


def _resolve(
    reference: Reference, platforms: Sequence[Platform], puller: Puller
) -> tuple[ResolvedImage | WholeImage, ...]:
    """Return an image for some platforms, or with all of them."""
    if not platforms:
        return (puller.resolve_whole(reference),)
    return tuple(puller.with_sboms(puller.resolve(reference, platform)) for platform in platforms)


def import_images(path: str, name: str, cache: str, job: Job, *, stdin: Iterable[bytes] = ()) -> tuple[str, ...]:
    """Bring the images of a folder or archive, or of one that comes through ``stdin``, into the store.

    Returns their names; ``name`` is for an archive with one image. Raises as `import_archive` does, and `UsageError`.
    """
    from lkboard.oci.archives.importing import import_archive, spooled
    from lkboard.oci.store.store import open_store

    if name:
        given_reference(name, "--name")
    store = open_store(cache or None)
    if path != STDIO:
        return import_archive(store, Path(path), job, name=name)
    with spooled(store, stdin, job) as spool:
        return import_archive(store, spool, job, name=name, shown_as="standard input")


def export_image(options: ExportOptions, job: Job, *, stdout: BinaryIO | None = None) -> Artifact | None:
    """Write an image of the store as an archive; None when it went to ``stdout``. The same image gives the same bytes.

    Raises `UsageError`, `NotFound`, `PlatformMissing`, `OutputError`, `Cancelled`.
    """
    from lkboard.app.outputs import stream, write
    from lkboard.disk.output import check_place
    from lkboard.oci.store.store import open_store

    store = open_store(options.cache or None)
    known = store.names()
    name = known_name(options.name, known.keys())
    if stdout is None:
        check_place(Path(options.output))
    with job.step(f"Read {name}"):
        extents = _archive(store, name, known[name], options, job)
    if stdout is None:
        return write(extents, Path(options.output), options.format, job)
    stream(extents, stdout, job)
    return None


def _archive(store: Store, name: str, root: Descriptor, options: ExportOptions, job: Job) -> ExtentMap:
    from lkboard.disk import tar
    from lkboard.oci.archives.export import docker_entries, layout_entries
    from lkboard.oci.layers.flatten import flatten
    from lkboard.oci.layers.unpack import unpack_layers

    as_name = str(given_reference(options.as_name, "--name")) if options.as_name else name
    platforms = () if ALL in options.platforms else options.platforms
    entries: tuple[Entry, ...]
    if options.format == "oci":
        entries = layout_entries(store, root, name, platforms, as_name)
    else:
        image = _resolved(store, name, root, platforms, job)
        if options.format == "docker":
            entries = docker_entries(store, image, _tagged(as_name), job)
        else:
            unpack_layers([image], store, job)
            entries = flatten(image, store, job)
    return tar.plan(entries, with_origin=False)


def _resolved(store: Store, name: str, root: Descriptor, platforms: Sequence[str], job: Job) -> ResolvedImage:
    """Return the image for the only platform that is wanted, or that is there."""
    from lkboard.model.reference import parse_reference
    from lkboard.oci.image_spec.platform import listed, parse_platform
    from lkboard.oci.registry.pull import Puller
    from lkboard.oci.servers.settings import RegistrySettings
    from lkboard.oci.store.blobs import stored
    from lkboard.oci.store.graph import members, missing

    if len(platforms) > 1:
        raise UsageError("this format holds one platform", hint="give one: --arch ARCH")
    blobs = stored(store)
    whole = [one.platform for one in members(root, blobs, name) if one.platform and not missing(one.manifest, blobs)]
    only = str(whole[0]) if len(whole) == 1 else host_architecture()
    puller = Puller(store, RegistrySettings(offline=True), job)
    try:
        image = puller.resolve(parse_reference(name), parse_platform(platforms[0] if platforms else only))
    except PlatformMissing as error:
        error.hint = f"choose one of: {listed(error.available)}"  # an export has no options of a pull
        raise
    puller.fetch([image])
    return image


def _tagged(name: str) -> str:
    """Return a name as ``docker load`` takes it, with a tag; nothing for what goes by a digest."""
    from lkboard.model.reference import parse_reference

    reference = parse_reference(name)
    return "" if reference.digest else f"{reference.repository}:{reference.wanted}"
