"""Which entries of an index describe others, and how such entries are made."""

from __future__ import annotations

import json

import pytest

from lkboard.model.image import Descriptor, Platform
from lkboard.oci.image_spec.attestation import (
    SPDX,
    attestations,
    attesting,
    is_attestation,
    is_sbom,
    sbom_layer,
    sbom_statement,
)
from lkboard.oci.image_spec.documents import descriptor_fields, parse_descriptor
from lkboard.oci.image_spec.media_types import OCI_MANIFEST

AMD64, ARM64, UNKNOWN = Platform("linux", "amd64"), Platform("linux", "arm64"), Platform("unknown", "unknown")


def entry(number: int, platform: Platform | None) -> Descriptor:
    return Descriptor(OCI_MANIFEST, f"sha256:{number:064x}", 1, platform)


ATTESTATION = Descriptor(
    OCI_MANIFEST,
    "sha256:" + "a" * 64,
    1,
    UNKNOWN,
    (("vnd.docker.reference.digest", entry(1, AMD64).digest), ("vnd.docker.reference.type", "attestation-manifest")),
)


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        (ATTESTATION, True),
        (entry(1, UNKNOWN), True),
        (entry(1, AMD64), False),
        (entry(1, None), False),
        (Descriptor(OCI_MANIFEST, ATTESTATION.digest, 1, None, ATTESTATION.annotations), True),
    ],
)
def test_attestations_are_known(descriptor: Descriptor, expected: bool) -> None:
    assert is_attestation(descriptor) is expected


def test_attestations_belong_to_the_image_that_they_name() -> None:
    entries = (entry(1, AMD64), entry(2, ARM64), ATTESTATION)
    assert attestations(entries) == {entries[0].digest: (ATTESTATION,)}


def test_an_entry_that_is_made_is_an_attestation_of_its_subject() -> None:
    subject = entry(1, AMD64)
    made = attesting(Descriptor(OCI_MANIFEST, ATTESTATION.digest, 1), subject)
    assert made.platform == UNKNOWN
    assert dict(made.annotations) == dict(ATTESTATION.annotations)
    assert attestations([subject, parse_descriptor(descriptor_fields(made))]) == {subject.digest: (made,)}


def test_a_layer_that_is_made_is_a_bill_of_materials() -> None:
    layer = sbom_layer(ATTESTATION.digest, 7)
    assert is_sbom(parse_descriptor(json.loads(json.dumps(descriptor_fields(layer)))))
    assert not is_sbom(Descriptor(layer.media_type, layer.digest, 7))
    assert not is_sbom(Descriptor(OCI_MANIFEST, layer.digest, 7, annotations=layer.annotations))


def test_a_statement_names_its_subject_and_holds_the_document() -> None:
    made = sbom_statement(entry(1, AMD64), "lab/x:v1", {"spdxVersion": "SPDX-2.3"})
    assert made["subject"] == [{"name": "lab/x:v1", "digest": {"sha256": f"{1:064x}"}}]
    assert (made["predicateType"], made["predicate"]) == (SPDX, {"spdxVersion": "SPDX-2.3"})
