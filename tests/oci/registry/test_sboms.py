"""Bills of materials that images bring along, brought only when they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attestations import attestation, attested, statement
from support.images import digest, file, image, layer, write_layout
from support.pulls import resolve

from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.model.image import ResolvedImage
    from lkboard.oci.store.store import Store

NAME = "docker.io/lab/x:v1"
WEB, OTHER = image(layer(file("a"))), image(layer(file("b")), architecture="arm64")
SPDX, MORE, SLSA = statement({"n": 1}), statement({"n": 2}), statement({"n": 3}, "https://slsa.dev/provenance/v1")
PROVENANCE = attestation(SLSA, predicate_type="https://slsa.dev/provenance/v1")


def with_sboms(store: Store, name: str, job: RecordingJob, arch: str = "amd64") -> ResolvedImage:
    found = resolve(store, name, job, arch=arch)
    assert found.sboms == ()
    return Puller(store, RegistrySettings(), job).with_sboms(found)


def test_statements_about_spdx_documents_are_found(store: Store, job: RecordingJob) -> None:
    made = attested(
        {"amd64": WEB, "arm64": OTHER}, {"amd64": [PROVENANCE, attestation(SPDX, MORE)], "arm64": [attestation(MORE)]}
    )
    write_layout(store.root, {NAME: made})
    assert [one.digest for one in with_sboms(store, NAME, job).sboms] == [digest(SPDX), digest(MORE)]
    assert [one.digest for one in with_sboms(store, NAME, job, "arm64").sboms] == [digest(MORE)]


def test_several_attestations_of_one_image_count_together(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {NAME: attested({"amd64": WEB}, {"amd64": [attestation(SPDX), attestation(MORE)]})})
    assert len(with_sboms(store, NAME, job).sboms) == 2


def test_an_image_without_attestations_has_none(store: Store, job: RecordingJob) -> None:
    write_layout(store.root, {NAME: WEB})
    assert with_sboms(store, NAME, job).sboms == ()


@pytest.mark.registry
def test_they_are_fetched_with_the_layers(store: Store, job: RecordingJob, registry: Registry) -> None:
    proof = attestation(SPDX)
    name = registry.push(attested({"amd64": WEB}, {"amd64": [proof, PROVENANCE]}), "sboms/both:v1")
    puller = Puller(store, RegistrySettings(), job)
    plain = resolve(store, name, job)
    puller.fetch([plain])
    assert not store.has(proof.digest)
    assert not store.has(digest(SPDX))
    puller.fetch([puller.with_sboms(plain)])
    assert store.has(digest(SPDX))
    assert not store.has(digest(SLSA))


@pytest.mark.registry
def test_attestations_that_were_left_behind_are_told(store: Store, job: RecordingJob, registry: Registry) -> None:
    proof = attestation(SPDX)
    made = attested({"amd64": WEB}, {"amd64": [proof]})
    name = registry.push(made, "sboms/lost:v1")
    write_layout(store.root, {name: made.without(proof.digest)})
    lost = resolve(store, name, job)
    elsewhere = f"{registry.host}/sboms/elsewhere:v1"
    write_layout(store.root, {elsewhere: made.without(proof.digest)})
    found = with_sboms(store, elsewhere, job)
    assert (found.sboms, found.manifest) == ((), lost.manifest)
    assert job.notes == [f"{elsewhere}: its attestation {proof.digest} is not in the registry"]
