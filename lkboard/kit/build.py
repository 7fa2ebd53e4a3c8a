"""Build the starter kit: Debian packages become six images in the store, one per architecture, joined by an index."""

from __future__ import annotations

import json
import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lkboard.errors import OutputError
from lkboard.kit import busybox
from lkboard.kit.bill import bill_of_materials
from lkboard.kit.choose import Chosen, Wanted, locked_packages, newest_packages, own_architecture
from lkboard.kit.image import ImageContent, write_image, write_index, write_sbom
from lkboard.kit.kernel import KERNEL
from lkboard.kit.recipe import Ingredients, Recipe, file_of
from lkboard.kit.tree import Tree
from lkboard.kit.userland import USERLAND
from lkboard.model.kit import image_name
from lkboard.model.lock import Lock, LockedPackage
from lkboard.oci.image_spec.attestation import attestations, is_attestation
from lkboard.oci.image_spec.documents import Index, parse_document
from lkboard.oci.image_spec.media_types import OCI_INDEX
from lkboard.oci.store.locks import exclusive
from lkboard.sources.apt.packages import DebianPackages
from lkboard.sources.lock_file import write_lock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkboard.events import Job
    from lkboard.model.board import Board
    from lkboard.model.image import Descriptor
    from lkboard.model.package import Package
    from lkboard.oci.store.store import Store
    from lkboard.sources.archive import Archive

T = TypeVar("T")
RECIPES = (KERNEL, *USERLAND)
ARCHITECTURES = ("amd64", "arm64")
PACKAGES_ANNOTATION = "org.lkboard.debian.packages"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOST_SOURCES = Path("/etc/apt")


@dataclass(frozen=True, slots=True)
class KitResult:
    """What was built: the index of each image by its name, and the packages that went in."""

    images: Mapping[str, Descriptor]
    packages: tuple[Package, ...]


def build_kit(
    store: Store,
    architectures: Sequence[str],
    job: Job,
    *,
    boards: Sequence[Board] = (),
    lock: Path | None = None,
    locked: bool = False,
    host: Path = _HOST_SOURCES,
    offline: bool = False,
) -> KitResult:
    """Build all images for some architectures; those that the store has for others stay in the indexes.

    ``boards`` decide which kernel modules and device trees are in. With ``locked``, exactly the packages of ``lock``
    are used, and no network is needed when the store has them; otherwise the newest ones, which are recorded there.
    ``host`` is the folder with the host's package sources, which is not used when ``offline``. Raises `BuildError`,
    `MissingTool`, `OciError`, `Cancelled`.
    """
    if lock and not locked and not lock.absolute().parent.is_dir():
        raise OutputError("there is no such folder", where=lock, hint=f"mkdir -p {shlex.quote(str(lock.parent))}")
    packages = DebianPackages(store, job, host=host, offline=offline)
    wanted = _wanted(architectures)
    chosen = locked_packages(lock, wanted) if lock and locked else newest_packages(packages, wanted)
    packages.fetch([*chosen.values()])
    # another build in this store would forget what this one still reads
    with exclusive(store.derived_dir("locks") / "kit", job):
        try:
            entries = _make_images(store, packages, chosen, job, architectures=architectures, boards=boards)
        finally:
            # unpacked, the kernels alone take 800 MB
            packages.forget([*chosen.values()])
    images = {name: _join(store, name, built) for name, built in entries.items()}
    if lock and not locked:
        write_lock(lock, Lock(packages=tuple(LockedPackage(name, package) for (_, name), package in chosen.items())))
    return KitResult(images, tuple(sorted(chosen.values())))


def _make_images(
    store: Store,
    packages: DebianPackages,
    chosen: Chosen,
    job: Job,
    *,
    architectures: Sequence[str],
    boards: Sequence[Board],
) -> dict[str, list[Descriptor]]:
    """Write the images, and return the entries of the indexes that will hold them by the names of these."""
    archives = _unpack(packages, chosen, job)
    names = busybox.applets(file_of(archives[own_architecture(), busybox.PACKAGE], busybox.BUSYBOX))
    entries: dict[str, list[Descriptor]] = {image_name(recipe.name): [] for recipe in RECIPES}
    for architecture in architectures:
        served = [board for board in boards if board.architecture == architecture]
        given = Ingredients(architecture, _of(architecture, chosen), _of(architecture, archives), names, served, job)
        for recipe in RECIPES:
            with job.step(f"Make lkboard/{recipe.name} ({architecture})"):
                own = given.only(recipe.package_names(architecture))
                entries[image_name(recipe.name)] += _write(store, recipe, own)
    return entries


def _write(store: Store, recipe: Recipe, given: Ingredients) -> tuple[Descriptor, Descriptor]:
    """Write an image and its bill of materials; return the two entries that an index has for them."""
    name = image_name(recipe.name)
    image = write_image(store, _image(recipe, given))
    licences = dict(zip(given.packages.values(), recipe.packages.values(), strict=True))
    return image, write_sbom(store, image, name, bill_of_materials(name, image, recipe.licences, licences))


def _wanted(architectures: Sequence[str]) -> Wanted:
    """Return what the recipes ask for; the applets are asked of this machine's busybox."""
    asked = [
        (architecture, name)
        for architecture in architectures
        for recipe in RECIPES
        for name in recipe.package_names(architecture)
    ]
    return sorted({*asked, (own_architecture(), busybox.PACKAGE)})


def _unpack(packages: DebianPackages, chosen: Chosen, job: Job) -> dict[tuple[str, str], Archive]:
    """Open all packages, several at a time: decompressing the kernels takes longer than everything else together."""
    with job.step("Unpack packages"), ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(chosen, pool.map(packages.open, chosen.values()), strict=True))


def _of(architecture: str, things: Mapping[tuple[str, str], T]) -> dict[str, T]:
    """Return what there is for one architecture, by the wanted package."""
    return {wanted: thing for (of, wanted), thing in things.items() if of == architecture}


def _image(recipe: Recipe, given: Ingredients) -> ImageContent:
    tree = Tree()
    recipe.make(tree, given)
    for name, package in given.packages.items():
        path = f"usr/share/doc/{package.name}/copyright"
        given.install(tree, name, path, path)
    return ImageContent(
        architecture=given.architecture,
        entries=tree.entries(),
        entrypoint=recipe.entrypoint,
        environment=(_PATH,),
        labels={"org.mobyproject.config": json.dumps(recipe.container)} if recipe.container else {},
        annotations=_annotations(recipe, [*given.packages.values()]),
    )


def _annotations(recipe: Recipe, packages: Sequence[Package]) -> dict[str, str]:
    # not the suite: the same package is often in several, and which of them apt names first depends on the host
    fields = ("name", "version", "sha256")
    listed = [{field: getattr(package, field) for field in fields} for package in packages]
    return {
        "org.opencontainers.image.title": recipe.title,
        "org.opencontainers.image.version": packages[0].version,
        "org.opencontainers.image.licenses": recipe.licences,
        PACKAGES_ANNOTATION: json.dumps(listed, sort_keys=True),
    }


def _join(store: Store, name: str, entries: Sequence[Descriptor]) -> Descriptor:
    """Write the index of an image, with what the store has under its name for architectures that are not built now."""
    built = {entry.platform for entry in entries if not is_attestation(entry)}
    before = store.find(name)
    others: list[Descriptor] = []
    if before is not None and before.media_type == OCI_INDEX:
        index = parse_document(store.read(before), OCI_INDEX, name)
        assert isinstance(index, Index)
        kept = [entry for entry in index.manifests if not is_attestation(entry) and entry.platform not in built]
        about = attestations(index.manifests)
        others = [one for entry in kept for one in (entry, *about.get(entry.digest, ()))]
    return write_index(store, name, [*entries, *others])
