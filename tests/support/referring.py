"""Images that refer to another one, their ``subject``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.store.store import Store
from support.images import Image, digest, dumps, image, write_layout
from support.pulls import settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob

SUBJECT = image(annotations={"what": "subject"})
TAG = SUBJECT.digest.replace(":", "-")


def referrer(name: str, **fields: Any) -> Image:
    """Return an image that refers to the subject; ``fields`` are further ones of its manifest."""
    made = image(annotations={"name": name})
    data = dumps({**json.loads(made.data), "subject": SUBJECT.descriptor, **fields})
    blobs = {key: blob for key, blob in made.blobs.items() if key != made.digest} | {digest(data): data}
    return replace(made, data=data, blobs=blobs, manifests={digest(data): made.media_type})


def entry(made: Image, name: str, kind: str = "application/vnd.oci.image.config.v1+json") -> dict[str, Any]:
    """Return what a list says of such an image."""
    return made.descriptor | {"artifactType": kind, "annotations": {"name": name}}


def bring(folder: Path, made: Image, destination: str, job: RecordingJob, **settings: Any) -> None:
    """Push an image with our own client."""
    push(layout(folder, made), {"x": parse_reference(destination)}, settings_of(**settings), job)


def layout(folder: Path, made: Image) -> Store:
    """Return a store of an image's own, in which it is called ``x``."""
    return Store(write_layout(folder / made.digest[7:20], {"x": made}))
