"""Build the starter kit: Debian packages become six images in the store, one per architecture, joined by an index."""

from __future__ import annotations

import json
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lkboard.errors import BuildError
from lkboard.kit.busybox import BUSYBOX, applets
from lkboard.kit.image import ImageContent, write_image, write_index
from lkboard.kit.kernel import KERNEL
from lkboard.kit.lock import Lock, read_lock, write_lock
from lkboard.kit.recipe import Ingredients, Recipe
from lkboard.kit.tree import Tree
from lkboard.kit.userland import USERLAND
from lkboard.oci.documents import Index, parse_document
from lkboard.oci.media_types import OCI_INDEX
from lkboard.sources.apt.packages import DebianPackages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkboard.events import Job
    from lkboard.model.board import Board
    from lkboard.model.image import Descriptor
    from lkboard.oci.store import Store
    from lkboard.sources.apt.shelf import Package
    from lkboard.sources.archive import Archive

T = TypeVar("T")
RECIPES = (KERNEL, *USERLAND)
ARCHITECTURES = ("amd64", "arm64")
PACKAGES_ANNOTATION = "org.lkboard.debian.packages"
_BUSYBOX_PACKAGE = "busybox-static"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "i686": "i386"}
_HOST_SOURCES = Path("/etc/apt")


@dataclass(frozen=True, slots=True)
class KitResult:
    """What was built: the index of each image by its name, and the packages that went in."""

    images: Mapping[str, Descriptor]
    packages: tuple[Package, ...]


def image_name(recipe: Recipe) -> str:
    """Return the canonical name of a kit image (decisions, "Store, kit")."""
    return f"docker.io/lkboard/{recipe.name}:kit"


def build_kit(
    store: Store,
    architectures: Sequence[str],
    job: Job,
    *,
    boards: Sequence[Board] = (),
    lock: Path | None = None,
    locked: bool = False,
    host: Path = _HOST_SOURCES,
) -> KitResult:
    """Build all images for some architectures; those that the store has for others stay in the indexes.

    ``boards`` decide which kernel modules and device trees are in. With ``locked``, exactly the packages of ``lock``
    are used, and no network is needed when the store has them; otherwise the newest ones, which are recorded there.
    ``host`` is the folder with the host's package sources. Raises `BuildError`, `MissingTool`, `OciError`, `Cancelled`.
    """
    packages = DebianPackages(store, job, host=host)
    chosen = _locked(lock, architectures) if lock and locked else _newest(packages, architectures)
    packages.fetch([*chosen.values()])
    archives = _unpack(packages, chosen, job)
    names = applets(archives[_host_architecture(), _BUSYBOX_PACKAGE][BUSYBOX].content)
    manifests: dict[str, list[Descriptor]] = {recipe.name: [] for recipe in RECIPES}
    for architecture in architectures:
        served = [board for board in boards if board.architecture == architecture]
        given = Ingredients(architecture, _of(architecture, chosen), _of(architecture, archives), names, served, job)
        for recipe in RECIPES:
            with job.step(f"Make lkboard/{recipe.name} ({architecture})"):
                image = _image(recipe, given.only(recipe.package_names(architecture)))
                manifests[recipe.name].append(write_image(store, image))
    images = {image_name(recipe): _join(store, image_name(recipe), manifests[recipe.name]) for recipe in RECIPES}
    # unpacked, the kernels alone take 800 MB; from here on only the images count
    packages.forget([*chosen.values()])
    if lock and not locked:
        write_lock(lock, chosen)
    return KitResult(images, tuple(sorted(chosen.values())))


def _unpack(packages: DebianPackages, chosen: Lock, job: Job) -> dict[tuple[str, str], Archive]:
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


def _wanted(architectures: Sequence[str]) -> list[tuple[str, str]]:
    """Return every (architecture, package) that a build needs; the applets are asked of this machine's busybox."""
    pairs = [
        (architecture, name)
        for architecture in architectures
        for recipe in RECIPES
        for name in recipe.package_names(architecture)
    ]
    return sorted({*pairs, (_host_architecture(), _BUSYBOX_PACKAGE)})


def _newest(packages: DebianPackages, architectures: Sequence[str]) -> Lock:
    wanted = _wanted(architectures)
    chosen: Lock = {}
    for architecture in sorted({architecture for architecture, _ in wanted}):
        names = [name for of, name in wanted if of == architecture]
        for name, package in zip(names, packages.newest(names, architecture), strict=True):
            chosen[architecture, name] = package
    return chosen


def _locked(lock: Path, architectures: Sequence[str]) -> Lock:
    recorded = read_lock(lock)
    wanted = _wanted(architectures)
    for architecture, name in wanted:
        if (architecture, name) not in recorded:
            raise BuildError(
                f"the lock has no package '{name}' for {architecture}",
                where=lock,
                hint=f"make it anew: lkboard kit build --lock {lock}",
            )
    return {key: recorded[key] for key in wanted}


def _join(store: Store, name: str, manifests: Sequence[Descriptor]) -> Descriptor:
    """Write the index of an image, with what the store has under its name for architectures that are not built now."""
    built = {manifest.platform for manifest in manifests}
    before = store.find(name)
    others: list[Descriptor] = []
    if before is not None and before.media_type == OCI_INDEX:
        index = parse_document(store.read(before), OCI_INDEX, name)
        assert isinstance(index, Index)
        others = [manifest for manifest in index.manifests if manifest.platform not in built]
    return write_index(store, name, [*manifests, *others])


def _host_architecture() -> str:
    """Return this machine's architecture in Debian's names."""
    machine = platform.machine()
    return _DEBIAN_ARCHITECTURES.get(machine, machine)
