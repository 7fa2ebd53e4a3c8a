"""Manifests that refer to others, at a real registry that keeps no list of them, and at one that says it does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.faults import Answer, FaultProxy, Header, Status
from support.images import Image, dumps, image, index, write_layout
from support.pulls import settings_of

from lkboard.errors import ManifestInvalid, RegistryError
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

pytestmark = pytest.mark.registry

SUBJECT = image(annotations={"what": "subject"})
TAG = SUBJECT.digest.replace(":", "-")


def referrer(name: str, **fields: Any) -> Image:
    """Return an image that refers to the subject."""
    made = image(annotations={"name": name})
    data = dumps({**json.loads(made.data), "subject": SUBJECT.descriptor, **fields})
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs = {key: blob for key, blob in made.blobs.items() if key != made.digest} | {digest: data}
    return replace(made, data=data, blobs=blobs, manifests={digest: made.media_type})


def bring(tmp_path: Path, made: Image, destination: str, job: RecordingJob) -> None:
    folder = tmp_path / made.digest[7:20]
    write_layout(folder, {"x": made})
    push(Store(folder), "x", parse_reference(destination), settings_of(), job)


def listed(registry: Registry, repository: str) -> list[dict[str, Any]]:
    """Return the list that the registry has under the subject's tag; only the right type in Accept shows it."""
    text = registry.skopeo("inspect", "--raw", f"docker://{registry.host}/{repository}:{TAG}")
    found: list[dict[str, Any]] = json.loads(text)["manifests"]
    return found


def test_a_referrer_is_listed_under_the_tag_of_its_subject(
    tmp_path: Path, job: RecordingJob, registry: Registry
) -> None:
    made = referrer("one", artifactType="application/x.signature")
    bring(tmp_path, made, f"{registry.host}/refer/one:r", job)
    assert listed(registry, "refer/one") == [
        made.descriptor | {"artifactType": "application/x.signature", "annotations": {"name": "one"}}
    ]


def test_without_a_type_that_of_the_configuration_counts(tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
    made = referrer("typed")
    bring(tmp_path, made, f"{registry.host}/refer/typed:r", job)
    assert [one["artifactType"] for one in listed(registry, "refer/typed")] == [
        "application/vnd.oci.image.config.v1+json"
    ]


def test_others_are_kept_and_nothing_is_listed_twice(tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
    first, second = referrer("first"), referrer("second")
    for made in (first, second, first):
        bring(tmp_path / str(id(made)), made, f"{registry.host}/refer/both:r", job)
    assert [one["digest"] for one in listed(registry, "refer/both")] == [first.digest, second.digest]


def test_a_list_that_another_writer_overwrites_is_mended(
    tmp_path: Path, job: RecordingJob, registry: Registry, proxy: FaultProxy
) -> None:
    """The other one writes after us, and has not seen our entry."""
    ours, other = referrer("ours"), referrer("other")
    bring(tmp_path, other, f"{registry.host}/refer/race:o", job)
    stale = registry.skopeo("inspect", "--raw", f"docker://{registry.host}/refer/race:{TAG}").encode()

    def overwrite(answer: Answer) -> Answer:
        registry.put_manifest("refer/race", TAG, stale, "application/vnd.oci.image.index.v1+json")
        return answer

    proxy.add(overwrite, method="PUT", path=TAG, times=1)
    bring(tmp_path, ours, f"{proxy.host}/refer/race:r", job)
    assert {one["digest"] for one in listed(registry, "refer/race")} == {ours.digest, other.digest}


def test_writers_that_never_agree_are_an_error(tmp_path: Path, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Status(412), method="PUT", path=TAG)
    with pytest.raises(RegistryError, match="others overwrite the list of referrers"):
        bring(tmp_path, referrer("lost"), f"{proxy.host}/refer/lost:r", job)
    assert len(proxy.seen(TAG, "PUT")) == 5


def test_a_list_that_is_right_in_the_end_is_no_error(
    tmp_path: Path, job: RecordingJob, registry: Registry, proxy: FaultProxy
) -> None:
    """The last attempt counts as well."""
    made = referrer("late")
    proxy.add(Status(412), method="PUT", path=TAG, times=4)
    bring(tmp_path, made, f"{proxy.host}/refer/late:r", job)
    assert [one["digest"] for one in listed(registry, "refer/late")] == [made.digest]
    assert len(proxy.seen(TAG, "PUT")) == 5


def test_a_list_may_have_a_subject_and_no_configuration(tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
    inner = image(annotations={"name": "inner"})
    data = dumps({**json.loads(index([inner]).data), "subject": SUBJECT.descriptor, "config": None})
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs = {**inner.blobs, digest: data}
    made = replace(index([inner]), data=data, blobs=blobs, manifests={digest: index([inner]).media_type})
    bring(tmp_path, made, f"{registry.host}/refer/list:r", job)
    assert [one["digest"] for one in listed(registry, "refer/list")] == [digest]


def test_a_tag_that_is_something_else_is_left_alone(tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
    registry.push(SUBJECT, f"refer/taken:{TAG}")
    with pytest.raises(RegistryError, match="should be a list of referrers, and is an image"):
        bring(tmp_path, referrer("x"), f"{registry.host}/refer/taken:r", job)


def test_a_registry_with_a_list_of_its_own_gets_no_tag_stub_referrers(
    tmp_path: Path, job: RecordingJob, proxy: FaultProxy
) -> None:
    proxy.add(Header("OCI-Subject", SUBJECT.digest), method="PUT", path="/manifests/r")
    bring(tmp_path, referrer("native"), f"{proxy.host}/refer/native:r", job)
    assert [seen for seen in proxy.requests if TAG in seen.path] == []


def test_an_image_without_a_subject_is_not_listed(tmp_path: Path, job: RecordingJob, proxy: FaultProxy) -> None:
    bring(tmp_path, image(annotations={"alone": ""}), f"{proxy.host}/refer/alone:r", job)
    assert [seen for seen in proxy.requests if "sha256-" in seen.path] == []


@pytest.mark.parametrize("subject", ["x", {"digest": "md5:0", "size": 1, "mediaType": "x"}, [1]])
def test_a_broken_subject_is_an_error(tmp_path: Path, job: RecordingJob, proxy: FaultProxy, subject: object) -> None:
    proxy.add(Status(201), method="PUT", path="/manifests/")  # the real registry would refuse some of them
    with pytest.raises(ManifestInvalid, match="its subject cannot be used"):
        bring(tmp_path, referrer("broken", subject=subject), f"{proxy.host}/refer/broken:r", job)


def test_the_tag_of_a_long_digest_is_cut(tmp_path: Path, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Status(201), method="PUT", path="/manifests/")
    proxy.add(Status(404), path="/manifests/")
    subject = {"digest": f"sha512:{'ab' * 64}", "size": 1, "mediaType": "x"}
    with pytest.raises(RegistryError):  # the list is never there
        bring(tmp_path, referrer("long", subject=subject), f"{proxy.host}/refer/long:r", job)
    assert proxy.seen(f"/manifests/sha512-{'ab' * 32}$", "PUT")
