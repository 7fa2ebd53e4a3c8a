"""Images from one store, folder or archive into another store."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lkboard.errors import DigestMismatch, NotFound, PlatformMissing, StoreCorrupt
from lkboard.oci.image_spec.platform import is_among, listed, parse_platform
from lkboard.oci.store.blobs import chunks
from lkboard.oci.store.graph import closure, members, missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.oci.store.blobs import Blobs
    from lkboard.oci.store.graph import Member
    from lkboard.oci.store.meter import Meter
    from lkboard.oci.store.store import Store


def select(root: Descriptor, blobs: Blobs, name: str, platforms: Sequence[str] = ()) -> tuple[Descriptor, ...]:
    """Return the parts of an image that can be copied, and for ``platforms`` that must be.

    An index is with them, also when some of its images are not. Raises `NotFound` when none of the images that are
    wanted is whole, `PlatformMissing` when there is none for a platform, and `ManifestInvalid`, `StoreCorrupt`.
    """
    found = members(root, blobs, name)
    whole = [member for member in found if not missing(member.manifest, blobs)]
    if not platforms:
        if found and not whole:
            raise _incomplete(name, "image", missing(found[0].manifest, blobs))
        parts = closure(root, blobs)
    else:
        parts = _merged(_parts(member, blobs) for text in platforms for member in _chosen(found, text, blobs, name))
    return tuple(part for part in parts.values() if blobs.has(part))


def copy_parts(parts: Iterable[Descriptor], blobs: Blobs, target: Store, meter: Meter, job: Job) -> None:
    """Bring blobs into a store, checking the digest of each. ``meter`` counts them, also those that are there already.

    Raises `StoreCorrupt` when one is damaged, `StoreUnusable` and `Cancelled`.
    """
    for part in parts:
        if target.is_sound(part, job):
            meter.add(part.size)
            continue
        span = blobs.find(part.digest)
        assert span  # `select` has seen it
        try:
            target.add_chunks(meter.watch(chunks(span, job)), part.digest)
        except DigestMismatch as error:
            message = f"the blob {part.digest} is damaged"
            raise StoreCorrupt(message, where=span.path, hint=blobs.advice) from error


def _chosen(found: Sequence[Member], platform: str, blobs: Blobs, name: str) -> Sequence[Member]:
    """Return the images for a platform, which must be whole."""
    wanted = [parse_platform(platform)]
    chosen = [member for member in found if is_among(member.platform, wanted)]
    if not chosen:
        available = tuple(str(member.platform) for member in found if member.platform)
        raise PlatformMissing(
            f"there is no image for {wanted[0]}",
            available=available,
            where=name,
            hint=f"choose one of: {listed(available)}",
        )
    for member in chosen:
        if lost := missing(member.manifest, blobs):
            raise _incomplete(name, f"image for {member.platform}", lost)
    return chosen


def _parts(member: Member, blobs: Blobs) -> Mapping[str, Descriptor]:
    indexes = {index.digest: index for index in member.indexes}
    below = _merged(closure(one, blobs) for one in (*member.attestations, member.manifest))
    return {**indexes, **below}


def _merged(maps: Iterable[Mapping[str, Descriptor]]) -> Mapping[str, Descriptor]:
    return {digest: part for one in maps for digest, part in one.items()}


def _incomplete(name: str, what: str, lost: Sequence[Descriptor]) -> NotFound:
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return NotFound(
        f"the {what} is not all there: {lost[0].digest}{more} missing",
        where=name,
        hint=f"pull it: lkboard cache pull {shlex.quote(name)}",
    )
