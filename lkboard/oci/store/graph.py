"""What an image consists of: indexes, manifests, configurations and layers, as far as they are here (image-spec)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import ManifestInvalid
from lkboard.oci.image_spec.attestation import attestations, is_attestation
from lkboard.oci.image_spec.documents import Index, Manifest, parse_descriptor, parse_document, parse_image_config
from lkboard.oci.image_spec.media_types import MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.events import Job
    from lkboard.model.image import Descriptor, Platform
    from lkboard.oci.store.blobs import Blobs

INDEX_DEPTH = 4
"""Indexes that may be in each other."""


@dataclass(frozen=True, slots=True)
class Member:
    """One image of an index, or the only one.

    ``platform`` is None when nothing says it: the manifest is not here, or is of something else than an image.
    ``indexes`` lead to it, from the outermost; ``attestations`` are the manifests that describe it.
    """

    manifest: Descriptor
    platform: Platform | None
    indexes: tuple[Descriptor, ...] = ()
    attestations: tuple[Descriptor, ...] = ()


def closure(root: Descriptor, blobs: Blobs) -> Mapping[str, Descriptor]:
    """Return everything that a manifest or index needs, itself first, by digest: also what is not here.

    Whatever has a digest and a size in a document counts, so that documents of kinds that lkboard does not use, and
    what a referrer refers to, are understood as well. Raises `StoreCorrupt` when a document is damaged.
    """
    found = {root.digest: root}
    waiting = [root]
    while waiting:
        for descriptor in _listed(waiting.pop(), blobs):
            if descriptor.digest not in found:
                found[descriptor.digest] = descriptor
                if _may_list(descriptor.media_type):
                    waiting.append(descriptor)
    return found


def members(root: Descriptor, blobs: Blobs, where: object, job: Job | None = None) -> tuple[Member, ...]:
    """Return the images below a manifest or index, in the order in which they are listed.

    Raises `ManifestInvalid`, naming ``where``, `StoreCorrupt` and `Cancelled`.
    """
    return tuple(_Walk(blobs, where, job).members(root, ()))


def missing(descriptor: Descriptor, blobs: Blobs) -> tuple[Descriptor, ...]:
    """Return what an image needs and is not here. Raises `StoreCorrupt`."""
    return tuple(part for part in closure(descriptor, blobs).values() if not blobs.has(part))


class _Walk:
    """One look through the indexes below an entry. An index is read once, however often lists of lists name it."""

    def __init__(self, blobs: Blobs, where: object, job: Job | None) -> None:
        self._blobs = blobs
        self._where = where
        self._job = job
        self._seen: set[tuple[str, Platform | None]] = set()
        self._indexes: set[str] = set()
        self._platforms: dict[str, Platform | None] = {}

    def members(self, entry: Descriptor, path: tuple[Descriptor, ...]) -> Iterator[Member]:
        """Yield the images below an entry that were not there before; ``path`` are the indexes above it."""
        if self._job:
            self._job.check()
        if (entry.digest, entry.platform) in self._seen or entry.digest in self._indexes:
            return
        self._seen.add((entry.digest, entry.platform))
        if entry.platform and entry.media_type in MANIFESTS:
            yield Member(entry, entry.platform, path)
            return
        index = None if entry.digest in self._platforms else self._index(entry)
        if index is None:
            yield Member(entry, entry.platform or self._platforms[entry.digest], path)
            return
        if len(path) == INDEX_DEPTH:
            raise ManifestInvalid(f"its indexes are nested more than {INDEX_DEPTH} deep", where=self._where)
        self._indexes.add(entry.digest)
        about = attestations(index.manifests)
        for one in index.manifests:
            if not is_attestation(one):
                for member in self.members(one, (*path, entry)):
                    known = member.attestations or about.get(member.manifest.digest, ())
                    yield Member(member.manifest, member.platform, member.indexes, known)

    def _index(self, entry: Descriptor) -> Index | None:
        """Return an index; None for what is none, whose platform is known then."""
        data = self._blobs.read(entry)
        document = parse_document(data, entry.media_type, self._where) if data is not None else None
        if isinstance(document, Index):
            return document
        self._platforms[entry.digest] = _platform(document, self._blobs, self._where)
        return None


def _platform(manifest: Manifest | None, blobs: Blobs, where: object) -> Platform | None:
    data = blobs.read(manifest.config) if manifest else None
    platform = parse_image_config(data, where).platform if data is not None else None
    return platform if platform and platform.architecture else None


def _listed(descriptor: Descriptor, blobs: Blobs) -> Iterator[Descriptor]:
    data = blobs.read(descriptor)
    if data is None:
        return
    try:
        waiting = [json.loads(data)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            yield from _descriptor(value)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _descriptor(fields: Mapping[str, object]) -> Iterator[Descriptor]:
    if "digest" in fields and "size" in fields:
        try:
            yield parse_descriptor(fields)
        except ValueError:
            return


def _may_list(media_type: str) -> bool:
    """Return whether something may be a document that lists others: by its name, or because it has none."""
    return not media_type or "manifest" in media_type or "index" in media_type
