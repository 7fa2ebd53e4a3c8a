"""Archives and folders of images into the store: OCI layouts, and what ``docker save`` writes (registry.md section 11).

What an archive claims is not believed: the digest of every blob is computed on its way in.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lkboard.errors import (
    ArchiveInvalid,
    LayerInvalid,
    ManifestInvalid,
    ReferenceInvalid,
    StoreCorrupt,
    StoreUnusable,
)
from lkboard.model.reference import parse_reference
from lkboard.oci.archives.archive_files import KINDS_HINT, open_files
from lkboard.oci.archives.docker_archive import DOCKER_LISTS, docker_images
from lkboard.oci.archives.layout_archive import layout_images
from lkboard.oci.layers.advice import BOMB
from lkboard.oci.layers.inflate import inflated, is_packed
from lkboard.oci.layers.unpack import size_limit
from lkboard.oci.store.blobs import stored
from lkboard.oci.store.holds import hold
from lkboard.oci.store.inventory import image_gaps
from lkboard.oci.store.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.oci.store.store import Store

STEP = "Import images"


class ArchivedImage(Protocol):
    """An image in an archive: the names that it bears there, and its size in bytes."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the archive calls it; nothing if it has no name."""

    @property
    def size(self) -> int:
        """Bytes that will be read."""

    def copy_to(self, store: Store, meter: Meter, job: Job) -> tuple[Descriptor, ...]:
        """Bring everything but the name into a store, and return all that it consists of, what names it first."""


def import_archive(store: Store, path: Path, job: Job, *, name: str = "", shown_as: str = "") -> tuple[str, ...]:
    """Bring all images of an OCI layout (folder or tar) or a docker archive into the store, and return their names.

    The tar may be packed with gzip or zstd. ``name`` names the image of an archive with only one; otherwise each must
    bear its own. Names appear in the store when all blobs of their image are there; a platform of which only a part
    is in the archive is told, unless it is the only one. ``shown_as`` is what errors call an archive that is not the
    user's own file. Raises `ArchiveInvalid`, `LayerInvalid` (no tar), `ReferenceInvalid`, `ManifestInvalid`,
    `StoreCorrupt` (a damaged blob), `StoreUnusable`, `Cancelled`.
    """
    with _calling(path, shown_as or str(path)), _plain(store, path, job) as plain, hold(store, job), job.step(STEP):
        images = _images(plain, job)
        names = [_full_names(image, path, name, is_only=len(images) == 1) for image in images]
        meter = Meter(job, STEP, sum(image.size for image in images))
        for image, full_names in zip(images, names, strict=True):
            root, *_parts = image.copy_to(store, meter, job)
            for full_name in full_names:
                store.set_name(full_name, root, job)
            _tell_gaps(store, full_names[0], root, job)
        return tuple(full_name for full_names in names for full_name in full_names)


def copy_only_image(store: Store, path: Path, job: Job, *, step: str) -> Descriptor:
    """Bring the only image of a tar that is not packed into the store, and return what names it.

    The image gets no name there. Raises as `import_archive` does.
    """
    with job.step(step):
        images = _images(path, job)
        if len(images) != 1:
            raise ArchiveInvalid(f"there are {len(images)} images in it", where=path, hint="save one at a time")
        return images[0].copy_to(store, Meter(job, step, images[0].size), job)[0]


@contextmanager
def spooled(store: Store, pieces: Iterable[bytes], job: Job) -> Iterator[Path]:
    """Keep what comes as a stream in a file for the time of the block.

    The images in it need as much room again. Raises `StoreUnusable`, also when that is not there, and `Cancelled`.
    """
    with store.incoming() as file:
        for piece in pieces:
            job.check()
            file.write(piece)
            _check_room(store, Path(file.name), file.tell())
        file.flush()
        yield Path(file.name)


def _check_room(store: Store, file: Path, size: int) -> None:
    free = shutil.disk_usage(file).free
    if size > free:
        raise StoreUnusable(
            f"{size >> 20} MiB of the archive have come, its images need as much again, and {free >> 20} MiB are free",
            where=store.root,
            hint="free some space, or choose another folder with --cache DIR",
        )


def _tell_gaps(store: Store, name: str, root: Descriptor, job: Job) -> None:
    """Warn of platforms of which only a part has come; those of which nothing has were left out on purpose."""
    for gap in image_gaps(name, root, stored(store), job):
        what = f"image for {gap.platform}" if gap.platform else "image"
        more = f" and {len(gap.missing) - 1} more" if len(gap.missing) > 1 else ""
        job.note(f"{name}: the {what} is not all there: {gap.missing[0]}{more} missing", "warning")


def _images(path: Path, job: Job) -> Sequence[ArchivedImage]:
    files = open_files(path, job)
    images: Sequence[ArchivedImage]
    if files("index.json"):
        images = layout_images(files, path)
    elif any(map(files, DOCKER_LISTS)):
        images = docker_images(files, path)
    else:
        message = f"there is no list of images in it: neither index.json nor {' nor '.join(DOCKER_LISTS)}"
        raise ArchiveInvalid(message, where=path, hint=KINDS_HINT)
    if not images:
        raise ArchiveInvalid("there is no image in it", where=path, hint=KINDS_HINT)
    return images


def _full_names(image: ArchivedImage, path: Path, name: str, *, is_only: bool) -> tuple[str, ...]:
    """Return the names for the store: the given one, else those that the archive has."""
    if name and not is_only:
        raise ArchiveInvalid("there are several images in it", where=path, hint="leave out --name")
    given = (name,) if name else image.names
    if not given:
        raise ArchiveInvalid("an image in it has no name", where=path, hint="give it one: --name NAME[:TAG]")
    try:
        return tuple(str(parse_reference(text)) for text in given)
    except ReferenceInvalid as error:
        if not name:
            error.where = str(path)
        raise


@contextmanager
def _plain(store: Store, path: Path, job: Job) -> Iterator[Path]:
    """Give the archive itself, or an unpacked copy of a packed one."""
    if not _is_packed(path):
        yield path
        return
    with spooled(store, _limited(path, job), job) as copy, _calling(copy, str(path)):
        yield copy


def _is_packed(path: Path) -> bool:
    """Return whether an archive is packed. Raises `ArchiveInvalid` for what is neither a file nor a folder."""
    if path.is_dir():
        return False
    if path.exists() and not path.is_file():
        raise ArchiveInvalid("this is no ordinary file", where=path, hint="pipe it: … | lkboard cache import -")
    try:
        return is_packed(path)
    except OSError as error:
        raise ArchiveInvalid(f"it cannot be read: {error.strerror}", where=path, hint=KINDS_HINT) from error


def _limited(path: Path, job: Job) -> Iterator[bytes]:
    limit, size = size_limit(path.stat().st_size), 0
    for piece in inflated(path, str(path), lambda _size: job.check()):
        size += len(piece)
        if size > limit:
            raise LayerInvalid(f"the archive unpacks to more than {limit >> 20} MiB", where=path, hint=BOMB)
        yield piece


@contextmanager
def _calling(path: Path, name: str) -> Iterator[None]:
    """Call an archive in errors by its name for the user, not by that of a copy, and say what an archive is."""
    try:
        yield
    except (ArchiveInvalid, LayerInvalid, ManifestInvalid, ReferenceInvalid, StoreCorrupt) as error:
        if error.where == str(path):
            error.where = name
            error.hint = error.hint or KINDS_HINT
        raise
