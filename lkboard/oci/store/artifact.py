"""Artifacts: manifests that list files which are no layers of an image (image-spec, manifest, "artifact usage")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.documents import Manifest, descriptor_fields, parse_document
from lkboard.oci.image_spec.media_types import OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.events import Job
    from lkboard.oci.store.store import Store

_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def artifact_files(store: Store, name: str) -> tuple[Descriptor, ...]:
    """Return the files that the artifact of a name lists; none if there is no such artifact. Raises `OciError`."""
    root = store.find(name)
    if root is None:
        return ()
    document = parse_document(store.read(root), OCI_MANIFEST, name)
    return document.layers if isinstance(document, Manifest) else ()


def set_artifact(
    store: Store, name: str, artifact_type: str, files: Sequence[Descriptor], job: Job | None = None
) -> None:
    """List files that are in the store as an artifact of a name, in the place of what had it.

    Raises `StoreUnusable` and `Cancelled`.
    """
    empty = Descriptor(_EMPTY_TYPE, store.add(b"{}"), 2)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor_fields(empty),
        "layers": [descriptor_fields(file) for file in files],
    }
    data = json.dumps(manifest, separators=(",", ":")).encode()
    store.set_name(name, Descriptor(OCI_MANIFEST, store.add(data), len(data)), job)
