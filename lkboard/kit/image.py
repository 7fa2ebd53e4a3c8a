"""Write images into the store: one layer, a config, a manifest, and an index over the architectures (image-spec)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lkboard.disk import tar
from lkboard.disk.compress import gzip_member
from lkboard.disk.content import as_content, read
from lkboard.model.image import Descriptor, Platform
from lkboard.model.rootfs import EPOCH
from lkboard.oci.spec.documents import descriptor_fields
from lkboard.oci.spec.media_types import OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkboard.model.rootfs import Entry
    from lkboard.oci.store.store import Store

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_CREATED = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
    config = _add(store, CONFIG_TYPE, _json(_config(image, diff_id)))
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor_fields(config),
        "layers": [descriptor_fields(layer)],
        "annotations": dict(image.annotations),
    }
    written = _add(store, OCI_MANIFEST, _json(manifest))
    return Descriptor(written.media_type, written.digest, written.size, Platform("linux", image.architecture))


def write_index(store: Store, name: str, manifests: Sequence[Descriptor]) -> Descriptor:
    """Join the manifests of several architectures under a name in the store; return the index's descriptor."""
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor_fields(manifest) for manifest in sorted(manifests, key=lambda item: str(item.platform))
        ],
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
        "created": _CREATED,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": _CREATED, "created_by": "lkboard kit build"}],
    }


def _add(store: Store, media_type: str, data: bytes) -> Descriptor:
    return Descriptor(media_type, store.add(data), len(data))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
