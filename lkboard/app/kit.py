"""The starter kit: build it, push it, list it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import BuildError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.app.registry_options import RegistryOptions
    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.model.reference import Reference
    from lkboard.oci.store.store import Store


@dataclass(frozen=True, slots=True)
class KitOptions:
    """What a user asks of a kit build. No ``architectures`` means those of all boards; an empty ``lock`` none."""

    architectures: tuple[str, ...] = ()
    lock: str = ""
    locked: bool = False
    cache: str = ""


@dataclass(frozen=True, slots=True)
class KitImage:
    """One image of the kit for one architecture, as it is in the store. ``packages`` are ``name version`` pairs."""

    name: str
    architecture: str
    digest: str
    size_bytes: int
    licences: str
    packages: tuple[tuple[str, str], ...]


def build_kit(options: KitOptions, job: Job) -> tuple[KitImage, ...]:
    """Build the kit into the store and list it. Raises `UsageError`, `BuildError`, `MissingTool`, `OciError`."""
    from lkboard.app.boards import list_boards
    from lkboard.app.registry_options import is_offline
    from lkboard.kit.build import ARCHITECTURES
    from lkboard.kit.build import build_kit as build
    from lkboard.oci.store.store import open_store

    boards = list_boards(job)
    unknown = [name for name in options.architectures if name not in ARCHITECTURES]
    if unknown:
        raise UsageError(f"there is no kit for '{unknown[0]}'", hint=f"one of: {', '.join(ARCHITECTURES)}")
    if options.locked and not options.lock:
        raise UsageError("--locked needs the lock", hint="--lock kit.lock")
    wanted = options.architectures or tuple(name for name in ARCHITECTURES if name in {b.architecture for b in boards})
    store = open_store(options.cache or None)
    lock = Path(options.lock) if options.lock else None
    build(store, sorted({*wanted}), job, boards=boards, lock=lock, locked=options.locked, offline=is_offline())
    return tuple(_images(store))


def list_kit(cache: str) -> tuple[KitImage, ...]:
    """Return the kit's images that the store has; none when it was never built there."""
    from lkboard.oci.store.store import open_store

    return tuple(_images(open_store(cache or None)))


def push_kit(destination: str, cache: str, registry: RegistryOptions, job: Job) -> tuple[Reference, ...]:
    """Push all images of the kit to ``REGISTRY[/PREFIX]``, never to a mirror of it, and return their names there.

    Raises `UsageError` for a bad destination, `BuildError` when there is no kit, `OciError` when the registry refuses.
    """
    from lkboard.kit.build import RECIPES
    from lkboard.model.kit import image_name
    from lkboard.oci.registry.push import push
    from lkboard.oci.store.store import open_store

    store = open_store(cache or None)
    names = {image_name(recipe.name): _destination(destination, recipe.name) for recipe in RECIPES}
    if any(store.find(name) is None for name in names):
        raise BuildError("the store has no kit", where=store.root, hint="build it first: lkboard kit build")
    push(store, names, registry.settings(), job)
    return tuple(names.values())


def _destination(destination: str, image: str) -> Reference:
    from lkboard.errors import ReferenceInvalid
    from lkboard.model.reference import parse_reference

    base = destination.rstrip("/")
    try:
        return parse_reference(f"{base if '/' in base else f'{base}/lkboard'}/{image}:kit")
    except ReferenceInvalid as error:
        raise UsageError(
            f"'{destination}' is no place to push to", hint="write REGISTRY or REGISTRY/PREFIX: localhost:5000/team"
        ) from error


def _images(store: Store) -> Iterator[KitImage]:
    from lkboard.kit.build import RECIPES
    from lkboard.model.kit import image_name

    for recipe in RECIPES:
        name = image_name(recipe.name)
        descriptor = store.find(name)
        if descriptor is not None:
            yield from _architectures(store, name, descriptor)


def _architectures(store: Store, name: str, descriptor: Descriptor) -> Iterator[KitImage]:
    """Yield what an index lists; a name that was set to a single image by somebody else is not the kit's."""
    from lkboard.kit.build import PACKAGES_ANNOTATION
    from lkboard.oci.image_spec.attestation import is_attestation
    from lkboard.oci.image_spec.documents import Index, parse_document

    index = parse_document(store.read(descriptor), descriptor.media_type, name)
    if not isinstance(index, Index):
        return
    for manifest in (entry for entry in index.manifests if not is_attestation(entry)):
        fields = json.loads(store.read(manifest))
        notes = fields.get("annotations", {})
        yield KitImage(
            name=name,
            architecture=manifest.platform.architecture if manifest.platform else "",
            digest=manifest.digest,
            size_bytes=sum(layer["size"] for layer in fields["layers"]),
            licences=notes.get("org.opencontainers.image.licenses", ""),
            packages=tuple(
                (item["name"], item["version"]) for item in json.loads(notes.get(PACKAGES_ANNOTATION, "[]"))
            ),
        )
