"""Write images into the store: one layer, a config, a manifest, and an index over the architectures (image-spec)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lkboard.disk import tar
from lkboard.disk.compress import gzip_member
from lkboard.disk.content import as_content, read
from lkboard.model.image import Descriptor, Platform
from lkboard.model.rootfs import EPOCH
from lkboard.oci.image_spec.attestation import attestations, attesting, is_attestation, sbom_layer, sbom_statement
from lkboard.oci.image_spec.documents import descriptor_fields
from lkboard.oci.image_spec.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkboard.model.rootfs import Entry
    from lkboard.oci.store.store import Store

LAYER_TYPE = f"{OCI_LAYER}+gzip"
CREATED = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
"""When everything in the kit says that it was made."""

_UNKNOWN = {"architecture": "unknown", "os": "unknown", "config": {}}


@dataclass(frozen=True, slots=True)
class ImageContent:
    """One image of one architecture before it is written. ``annotations`` go on the manifest."""

    architecture: str
    entries: tuple[Entry, ...]
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def write_image(store: Store, image: ImageContent) -> Descriptor:
    """Write an image and return its manifest's descriptor, with the platform. Equal content gives equal digests."""
    archive = read(as_content(tar.plan(image.entries, with_origin=False)))
    layer = _add(store, LAYER_TYPE, gzip_member(archive))
    diff_id = f"sha256:{hashlib.sha256(archive).hexdigest()}"
    config = _add(store, OCI_CONFIG, _json(_config(image, diff_id)))
    written = _add_manifest(store, config, layer, {"annotations": dict(image.annotations)})
    return replace(written, platform=Platform("linux", image.architecture))


def write_sbom(store: Store, subject: Descriptor, name: str, document: Mapping[str, Any]) -> Descriptor:
    """Write an SPDX document as the attestation of an image, called ``name`` for people; return its index entry."""
    statement = _json(sbom_statement(subject, name, document))
    layer = sbom_layer(store.add(statement), len(statement))
    config = _add(store, OCI_CONFIG, _json({**_UNKNOWN, "rootfs": {"type": "layers", "diff_ids": [layer.digest]}}))
    return attesting(_add_manifest(store, config, layer, {}), subject)


def write_index(store: Store, name: str, entries: Sequence[Descriptor]) -> Descriptor:
    """Join the images of several architectures, and what attests them, under a name in the store.

    Attestations of others are left out. Returns the index's descriptor.
    """
    images = sorted((entry for entry in entries if not is_attestation(entry)), key=lambda entry: str(entry.platform))
    about = attestations(entries)
    listed = [*images, *(one for image in images for one in about.get(image.digest, ()))]
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor_fields(entry) for entry in listed],
    }
    written = _add(store, OCI_INDEX, _json(index))
    store.set_name(name, written)
    return written


def _config(image: ImageContent, diff_id: str) -> dict[str, object]:
    settings: dict[str, object] = {"Env": list(image.environment), "Labels": dict(image.labels)}
    if image.entrypoint:
        settings["Entrypoint"] = list(image.entrypoint)
    return {
        "architecture": image.architecture,
        "os": "linux",
        "created": CREATED,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": CREATED, "created_by": "lkboard kit build"}],
    }


def _add_manifest(store: Store, config: Descriptor, layer: Descriptor, more: Mapping[str, object]) -> Descriptor:
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor_fields(config),
        "layers": [descriptor_fields(layer)],
        **more,
    }
    return _add(store, OCI_MANIFEST, _json(manifest))


def _add(store: Store, media_type: str, data: bytes) -> Descriptor:
    return Descriptor(media_type, store.add(data), len(data))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
