"""What a store has, image by image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.errors import OciError
from lkboard.model.stored import Gap, StoredImage, StoredPlatform
from lkboard.oci.store.blobs import stored
from lkboard.oci.store.graph import closure, members, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.oci.store.blobs import Blobs
    from lkboard.oci.store.store import Store


def list_images(store: Store) -> tuple[StoredImage, ...]:
    """Return all images, sorted by name. Raises `StoreCorrupt` when index.json cannot be read."""
    blobs = stored(store)
    entries = sorted(store.entries(), key=lambda entry: (entry[0], entry[1].digest))
    return tuple(_image(name, root, blobs) for name, root in entries)


def list_gaps(store: Store, job: Job) -> tuple[Gap, ...]:
    """Return what images lack that are in the store, sorted by name; a platform is if its manifest is.

    Raises `StoreCorrupt` when index.json cannot be read, `Cancelled`.
    """
    blobs = stored(store)
    entries = sorted(((name or root.digest, root) for name, root in store.entries()), key=lambda entry: entry[0])
    return tuple(gap for name, root in entries for gap in image_gaps(name, root, blobs, job))


def image_gaps(name: str, root: Descriptor, blobs: Blobs, job: Job) -> Iterator[Gap]:
    """Yield what one image lacks, as `list_gaps` does. Raises `Cancelled`."""
    try:
        found = members(root, blobs, name, job) if blobs.has(root) else ()
        here = [(member.platform, missing(member.manifest, blobs)) for member in found if blobs.has(member.manifest)]
    except OciError:
        return  # not what is missing is wrong with it: `list_images` says what is
    if not here:
        yield Gap(name, "", tuple(member.manifest.digest for member in found) or (root.digest,))
    for platform, lost in here:
        if lost:
            yield Gap(name, str(platform or ""), tuple(sorted(part.digest for part in lost)))


def _image(name: str, root: Descriptor, blobs: Blobs) -> StoredImage:
    if not blobs.has(root):
        return StoredImage(name, root.digest, root.media_type, 0, fault="its manifest is missing")
    try:
        size = sum(part.size for part in closure(root, blobs).values() if blobs.has(part))
        platforms = tuple(
            StoredPlatform(str(member.platform), not missing(member.manifest, blobs))
            for member in members(root, blobs, name)
            if member.platform
        )
    except OciError as error:
        return StoredImage(name, root.digest, root.media_type, root.size, fault=error.message)
    return StoredImage(name, root.digest, root.media_type, size, platforms)
