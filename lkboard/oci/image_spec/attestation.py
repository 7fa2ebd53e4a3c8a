"""Attestations: what an index says of its images, as BuildKit stores it (build.md section 5.10, registry.md section 7).

An index lists a manifest without a platform beside the image that it is about; its layers are in-toto statements.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lkboard.model.image import Descriptor, Platform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SPDX = "https://spdx.dev/Document"
"""The type of statements whose predicate is an SPDX document: a bill of materials."""

_STATEMENT = "application/vnd.in-toto+json"
_STATEMENT_TYPE = "https://in-toto.io/Statement/v0.1"
_PREDICATE = "in-toto.io/predicate-type"
_KIND = ("vnd.docker.reference.type", "attestation-manifest")
_SUBJECT = "vnd.docker.reference.digest"
_UNKNOWN = "unknown"


def is_attestation(entry: Descriptor) -> bool:
    """Return whether an index entry describes another one instead of being an image."""
    platform = entry.platform
    return _KIND in entry.annotations or (platform is not None and _UNKNOWN in (platform.os, platform.architecture))


def is_sbom(layer: Descriptor) -> bool:
    """Return whether a layer of an attestation is a statement about an SPDX document."""
    return layer.media_type == _STATEMENT and (_PREDICATE, SPDX) in layer.annotations


def attestations(entries: Iterable[Descriptor]) -> Mapping[str, tuple[Descriptor, ...]]:
    """Return the entries of an index that attest others, by the digests of those."""
    found: dict[str, list[Descriptor]] = {}
    for entry in entries:
        if is_attestation(entry):
            found.setdefault(dict(entry.annotations).get(_SUBJECT, ""), []).append(entry)
    return {digest: tuple(about) for digest, about in found.items()}


def attesting(manifest: Descriptor, subject: Descriptor) -> Descriptor:
    """Return the index entry that makes a manifest an attestation of an image in the same index."""
    return replace(manifest, platform=Platform(_UNKNOWN, _UNKNOWN), annotations=(_KIND, (_SUBJECT, subject.digest)))


def sbom_statement(subject: Descriptor, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the in-toto statement that an SPDX document is about an image, called ``name`` for people."""
    algorithm, _, digits = subject.digest.partition(":")
    return {
        "_type": _STATEMENT_TYPE,
        "predicateType": SPDX,
        "subject": [{"name": name, "digest": {algorithm: digits}}],
        "predicate": dict(document),
    }


def sbom_layer(digest: str, size: int) -> Descriptor:
    """Return the layer of an attestation that is such a statement of ``size`` bytes."""
    return Descriptor(_STATEMENT, digest, size, annotations=((_PREDICATE, SPDX),))
