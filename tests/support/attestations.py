"""Images whose indexes say what is in them, as BuildKit makes them.

web = image(layer(file("bin/web")))
attested({web: [{"SPDXID": "SPDXRef-DOCUMENT", "packages": [{"name": "web", "SPDXID": "SPDXRef-web"}]}]})
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from support.images import Image, digest, dumps, index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IN_TOTO = "application/vnd.in-toto+json"
SPDX = "https://spdx.dev/Document"
_TYPE, _SUBJECT, _PREDICATE = "vnd.docker.reference.type", "vnd.docker.reference.digest", "in-toto.io/predicate-type"
_MANIFEST, _CONFIG = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json"


def statement(predicate: Any, predicate_type: str = SPDX) -> bytes:
    """Return an in-toto statement."""
    return dumps(
        {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": predicate_type, "predicate": predicate}
    )


def attestation(*statements: bytes, predicate_type: str = SPDX) -> Image:
    """Return the manifest that holds some statements."""
    config = dumps(
        {"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": digest(config), "size": len(config)},
        "layers": [
            {
                "mediaType": IN_TOTO,
                "digest": digest(one),
                "size": len(one),
                "annotations": {_PREDICATE: predicate_type},
            }
            for one in statements
        ],
    }
    data = dumps(manifest)
    blobs = {digest(blob): blob for blob in (config, *statements, data)}
    return Image(_MANIFEST, data, blobs, {digest(data): _MANIFEST})


def attested(images: Mapping[str, Image], attestations: Mapping[str, Sequence[Image]]) -> Image:
    """Return an index of images by architecture, with the attestations of each."""
    pairs = [(images[name], one) for name, several in attestations.items() for one in several]
    extra = [
        one.descriptor
        | {
            "platform": {"architecture": "unknown", "os": "unknown"},
            "annotations": {_TYPE: "attestation-manifest", _SUBJECT: subject.digest},
        }
        for subject, one in pairs
    ]
    whole = index(images, extra=extra)
    blobs = {name: data for _, one in pairs for name, data in one.blobs.items()}
    manifests = {name: kind for _, one in pairs for name, kind in one.manifests.items()}
    return replace(whole, blobs={**blobs, **whole.blobs}, manifests={**manifests, **whole.manifests})
