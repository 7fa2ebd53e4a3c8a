"""Images from one store to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attestations import attestation, attested, statement
from support.images import file, image, index, layer, multi_arch, write_layout
from support.pulls import is_complete, resolve

from lkboard.errors import NotFound, PlatformMissing, StoreCorrupt
from lkboard.model.image import Descriptor
from lkboard.oci.store.blobs import stored
from lkboard.oci.store.copy import copy_parts, select
from lkboard.oci.store.meter import Meter
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Image
    from support.jobs import RecordingJob

NAME = "docker.io/lab/x:v1"
STEP = "Copy"
AMD64 = image(layer(file("a")))
ARM64 = image(layer(file("b")), architecture="arm64")
BOTH = index([AMD64, ARM64])


@pytest.fixture
def target(tmp_path: Path) -> Store:
    return Store(tmp_path / "target")


def made(store: Store, one: Image) -> Store:
    write_layout(store.root, {NAME: one})
    return store


def copy(source: Store, target: Store, job: RecordingJob, *platforms: str) -> Descriptor:
    """Copy the image from one store to the other, as those do who bring several at a time."""
    root, blobs = source.find(NAME), stored(source)
    assert root
    parts = select(root, blobs, NAME, platforms)
    copy_parts(parts, blobs, target, Meter(job, STEP, sum(part.size for part in parts)), job)
    target.set_name(NAME, root, job)
    return root


def digests(store: Store) -> set[str]:
    return {f"sha256:{path.name}" for path in (store.root / "blobs" / "sha256").iterdir()}


def test_everything_is_copied(store: Store, target: Store, job: RecordingJob) -> None:
    one = multi_arch()
    root = copy(made(store, one), target, job)
    assert (root.digest, root.media_type) == (one.digest, one.media_type)
    assert digests(target) == set(one.blobs)
    assert target.find(NAME) == store.find(NAME)
    assert job.last_progress
    assert (job.last_progress.step, job.last_progress.done) == (STEP, job.last_progress.total)


@pytest.mark.parametrize("platform", ["arm64", "linux/arm64", "aarch64"])
def test_a_platform_is_copied_with_the_whole_index(
    store: Store, target: Store, job: RecordingJob, platform: str
) -> None:
    copy(made(store, BOTH), target, job, platform)
    assert digests(target) == {BOTH.digest, *ARM64.blobs}
    assert is_complete(target, resolve(target, NAME, job, arch="arm64"))


def test_a_platform_inside_a_nested_index_is_copied(store: Store, target: Store, job: RecordingJob) -> None:
    outer = index([BOTH])
    copy(made(store, outer), target, job, "arm64")
    assert digests(target) == {outer.digest, BOTH.digest, *ARM64.blobs}
    assert is_complete(target, resolve(target, NAME, job, arch="arm64"))


def test_attestations_of_a_platform_come_along(store: Store, target: Store, job: RecordingJob) -> None:
    about = attestation(statement({}))
    one = attested({"amd64": AMD64, "arm64": ARM64}, {"arm64": [about]})
    copy(made(store, one), target, job, "arm64")
    assert digests(target) == {one.digest, *ARM64.blobs, *about.blobs}


def test_a_single_image_is_known_by_its_configuration(store: Store, target: Store, job: RecordingJob) -> None:
    copy(made(store, ARM64), target, job, "arm64")
    assert digests(target) == set(ARM64.blobs)


def test_what_is_missing_of_other_platforms_does_not_matter(store: Store, target: Store, job: RecordingJob) -> None:
    one = BOTH.without(*AMD64.blobs)
    copy(made(store, one), target, job)
    assert digests(target) == set(one.blobs)


def test_a_platform_that_is_not_whole_is_refused(store: Store, target: Store, job: RecordingJob) -> None:
    lost = list(AMD64.blobs)[1]
    with pytest.raises(NotFound, match=f"the image for linux/amd64 is not all there: {lost} missing"):
        copy(made(store, BOTH.without(lost)), target, job, "amd64")
    assert target.names() == {}


def test_an_image_of_which_nothing_is_whole_is_refused(store: Store, target: Store, job: RecordingJob) -> None:
    with pytest.raises(NotFound, match="the image is not all there"):
        copy(made(store, AMD64.without(AMD64.digest)), target, job)


def test_a_platform_that_there_is_none_for_is_named(store: Store, target: Store, job: RecordingJob) -> None:
    with pytest.raises(PlatformMissing, match="there is no image for linux/riscv64") as caught:
        copy(made(store, BOTH), target, job, "riscv64")
    assert caught.value.available == ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize("number", [0, 1, 2], ids=["configuration", "layer", "manifest"])
def test_damage_is_not_copied(store: Store, target: Store, job: RecordingJob, number: int) -> None:
    blob = list(AMD64.blobs)[number]
    path = made(store, AMD64).blob_path(blob)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(StoreCorrupt, match=f"the blob {blob} is damaged"):
        copy(store, target, job)
    assert not target.has(blob)
    assert target.names() == {}


def test_what_is_there_already_is_not_written_again(store: Store, target: Store, job: RecordingJob) -> None:
    copy(made(store, AMD64), target, job)
    before = {path.name: path.stat().st_ino for path in (target.root / "blobs" / "sha256").iterdir()}
    copy(store, target, job)
    assert {path.name: path.stat().st_ino for path in (target.root / "blobs" / "sha256").iterdir()} == before


def test_an_artifact_that_is_no_image_is_copied(store: Store, target: Store, job: RecordingJob) -> None:
    """The list of Debian packages is one: a manifest with an empty configuration."""
    empty = Descriptor("application/vnd.oci.empty.v1+json", store.add(b"{}"), 2)
    data = (
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"%s",'
        b'"digest":"%s","size":2},"layers":[]}' % (empty.media_type.encode(), empty.digest.encode())
    )
    store.set_name(NAME, Descriptor("application/vnd.oci.image.manifest.v1+json", store.add(data), len(data)))
    copy(store, target, job)
    assert digests(target) == digests(store)


def test_an_index_of_nothing_is_copied(store: Store, target: Store, job: RecordingJob) -> None:
    empty = index([])
    copy(made(store, empty), target, job)
    assert digests(target) == {empty.digest}
