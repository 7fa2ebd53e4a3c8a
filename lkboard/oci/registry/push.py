"""Images from the store to a registry (registry.md section 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from lkboard.errors import ManifestInvalid, NotFound, Offline, ReferenceInvalid, StoreCorrupt
from lkboard.model.reference import parse_reference
from lkboard.oci.image_spec.documents import Index, parse_document
from lkboard.oci.image_spec.media_types import is_foreign
from lkboard.oci.registry.workers import run_all
from lkboard.oci.servers.settings import canonical_registry
from lkboard.oci.store.graph import INDEX_DEPTH
from lkboard.oci.store.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.model.reference import Reference
    from lkboard.oci.registry.upload import Upload
    from lkboard.oci.servers.settings import RegistrySettings
    from lkboard.oci.store.store import Store

PUSH_STEP = "Push images"


def push(store: Store, images: Mapping[str, Reference], settings: RegistrySettings, job: Job) -> None:
    """Bring images or indexes, by their names in the store, to registries, each under the tag or digest of a reference.

    Each name appears there last, when everything that it needs is there. Raises `NotFound` when the store has no such
    name, `StoreCorrupt` when it lacks a part, `ManifestInvalid`, and `AuthNeeded`, `RegistryError`, `Offline`,
    `Cancelled`.
    """
    for name, destination in images.items():
        if store.find(name) is None:
            raise NotFound("the store has no such image", where=name, hint="pull it, or run: lkboard kit build")
        if settings.offline:
            raise Offline("lkboard may not use the network", where=destination, hint="push without $LKBOARD_OFFLINE")
    from lkboard.oci.registry.upload import Upload  # with it comes requests, which is slow to import

    shipments = [_collect(store, name, destination, job) for name, destination in images.items()]
    with job.step(PUSH_STEP):
        meter = Meter(job, PUSH_STEP, sum(blob.size for shipment in shipments for blob in shipment.blobs))
        begin = [partial(Upload, settings, job, shipment.destination, meter.add) for shipment in shipments]
        uploads = [*zip(run_all(begin, job, parallel=1), shipments, strict=True)]
        tasks = [
            partial(upload.blob, blob, store.blob_path(blob.digest), source=shipment.source)
            for upload, shipment in uploads
            for blob in shipment.blobs
        ]
        run_all(tasks, job, parallel=settings.parallel, stop=meter.stop)
        run_all([partial(_name, store, *one, job) for one in uploads], job, parallel=1)


def _name(store: Store, upload: Upload, shipment: _Shipment, job: Job) -> None:
    from lkboard.oci.registry.referrers_tag import record_referrer

    *inner, root = shipment.manifests
    for manifest, tag in (*((one, one.digest) for one in inner), (root, shipment.destination.wanted)):
        data = store.read(manifest)
        record_referrer(upload, manifest, data, upload.manifest(manifest, data, tag), job)


def _source(name: str, destination: Reference) -> str:
    """Return the repository of the destination's registry that an image came from, empty if it is from elsewhere."""
    try:
        origin = parse_reference(name)
    except ReferenceInvalid:  # the store takes any name
        return ""
    is_near = canonical_registry(origin.domain) == canonical_registry(destination.domain)
    return origin.path if is_near and origin.path != destination.path else ""


@dataclass(frozen=True, slots=True)
class _Shipment:
    """What has to be there of an image: blobs in any order, then manifests, each after those it names.

    ``source`` is the repository of the same registry that they may be taken from.
    """

    destination: Reference
    source: str
    blobs: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]


def _collect(store: Store, name: str, destination: Reference, job: Job) -> _Shipment:
    root = store.names()[name]
    blobs: dict[str, Descriptor] = {}
    manifests: dict[str, Descriptor] = {}

    def visit(descriptor: Descriptor, depth: int) -> None:
        """Take what is below something, once: lists of lists could name it any number of times."""
        job.check()
        if descriptor.digest in manifests:
            return
        document = parse_document(store.read(descriptor), descriptor.media_type, name)
        if isinstance(document, Index):
            if depth > INDEX_DEPTH:
                raise ManifestInvalid(f"its indexes are nested more than {INDEX_DEPTH} deep", where=name)
            for child in document.manifests:
                visit(child, depth + 1)
        else:
            layers = (layer for layer in document.layers if not is_foreign(layer.media_type))
            blobs.update((blob.digest, blob) for blob in (document.config, *layers))
        manifests[descriptor.digest] = replace(descriptor, media_type=document.media_type)

    visit(root, 1)
    for blob in blobs.values():
        if not store.is_sound(blob, job):
            raise StoreCorrupt(f"the blob {blob.digest} is missing or damaged", where=name, hint="pull the image again")
    return _Shipment(destination, _source(name, destination), tuple(blobs.values()), tuple(manifests.values()))
