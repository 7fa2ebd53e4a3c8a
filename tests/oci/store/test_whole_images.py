"""Images with all their platforms, as volumes hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attestations import attestation, attested, statement
from support.images import Image, file, image, index, layer, multi_arch, write_layout
from support.pulls import pull, resolve_whole

from lkboard.errors import ManifestInvalid, NotFound
from lkboard.events import Progress
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.model.image import WholeImage
    from lkboard.oci.store.store import Store

NAME = "docker.io/lab/x:v1"
MULTI = multi_arch("whole")
ARM = [image(layer(file(variant)), architecture="arm", variant=variant) for variant in ("v6", "v7")]


def whole(store: Store, job: RecordingJob, made: Image, *platforms: str) -> WholeImage:
    write_layout(store.root, {NAME: made})
    return resolve_whole(store, NAME, job, *platforms)


def digests(found: WholeImage) -> set[str]:
    return {part.digest for part in (*found.layers, *found.documents)}


def test_an_image_comes_with_all_its_platforms(store: Store, job: RecordingJob) -> None:
    found = whole(store, job, MULTI)
    assert digests(found) == set(MULTI.blobs)
    assert (found.top.digest, found.top.media_type) == (MULTI.digest, MULTI.media_type)
    assert found.documents[-1] == found.top
    assert {part.digest for part in found.documents} == set(MULTI.manifests)
    assert job.notes == []


def test_attestations_come_with_it(store: Store, job: RecordingJob) -> None:
    member = image(layer(file("a")))
    made = attested({"amd64": member}, {"amd64": [attestation(statement({}))]})
    assert digests(whole(store, job, made)) == set(made.blobs)


def test_platforms_limit_what_comes(store: Store, job: RecordingJob) -> None:
    member, other = image(layer(file("a"))), image(layer(file("b")), architecture="arm64")
    made = attested({"amd64": member, "arm64": other}, {"arm64": [attestation(statement({}))]})
    assert digests(whole(store, job, made, "linux/arm64")) == {made.digest, *other.blobs}
    assert digests(whole(store, job, made, "aarch64", "amd64")) == {made.digest, *other.blobs, *member.blobs}


@pytest.mark.parametrize(
    ("platforms", "expected"), [(["linux/arm"], ARM), (["linux/arm/v7"], ARM[1:]), (["arm/v6", "arm/v7"], ARM)]
)
def test_a_variant_counts_only_where_one_is_asked_for(
    platforms: list[str], expected: list[Image], store: Store, job: RecordingJob
) -> None:
    found = whole(store, job, index(ARM), *platforms)
    assert [part.digest for part in found.documents[:-1]] == [one.digest for one in expected]
    assert job.notes == []


def test_a_platform_that_is_not_there_is_told(store: Store, job: RecordingJob) -> None:
    found = whole(store, job, MULTI, "linux/riscv64", "linux/amd64")
    assert len(found.documents) == 2
    assert job.notes == [f"{NAME} has no image for linux/riscv64"]


def test_an_image_without_an_index_is_whole_by_itself(store: Store, job: RecordingJob) -> None:
    member = image(layer(file("a")), docker=True)
    found = whole(store, job, member, "linux/arm64")
    assert digests(found) == set(member.blobs)
    assert found.documents == (found.top,)
    assert found.top.media_type == member.media_type


def nested(depth: int) -> Image:
    made = image(layer(file("a")))
    for _ in range(depth):
        made = index([made])
    return made


def test_indexes_may_be_nested(store: Store, job: RecordingJob) -> None:
    assert len(whole(store, job, nested(4)).documents) == 5


def test_indexes_are_not_nested_without_end(store: Store, job: RecordingJob) -> None:
    with pytest.raises(ManifestInvalid, match="nested more than 4 deep"):
        whole(store, job, nested(5))


@pytest.mark.registry
def test_everything_comes_from_a_registry_once(store: Store, job: RecordingJob, registry: Registry) -> None:
    member = image(layer(file("a"), file("b", b"x" * 10_000)))
    made = attested(
        {"amd64": member, "arm64": image(layer(file("b")), architecture="arm64")}, {"amd64": [attestation()]}
    )
    name = registry.push(made, "whole/attested:v1")
    puller = Puller(store, RegistrySettings(), job)
    one = pull(store, name, job)
    found = puller.resolve_whole(one.reference)
    puller.fetch([one, found])
    assert all(store.is_sound(part) for part in (*found.layers, *found.documents))
    assert set(store.names()) == {name}
    job.events.clear()
    puller.fetch([one, found])
    assert not any(isinstance(event, Progress) for event in job.events)


@pytest.mark.registry
def test_an_image_that_is_not_there_is_told(store: Store, job: RecordingJob, registry: Registry) -> None:
    with pytest.raises(NotFound):
        resolve_whole(store, f"{registry.host}/whole/none:v1", job)


@pytest.mark.registry
def test_a_new_image_gets_a_name_in_the_store(store: Store, job: RecordingJob, registry: Registry) -> None:
    name = registry.push(MULTI, "whole/named:v1")
    resolve_whole(store, name, job, "linux/arm64")
    named = store.find(name)
    assert named is not None
    assert (named.digest, named.media_type) == (MULTI.digest, MULTI.media_type)
