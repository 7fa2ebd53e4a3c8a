"""Manifests that refer to others, at a real registry that keeps no list of them, by one writer and by several."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support import pusher
from support.faults import Answer, FaultProxy, Hang, Header, Status
from support.images import Image, digest, dumps, image, index
from support.processes import ENVIRONMENT
from support.referring import SUBJECT, TAG, bring, entry, layout, referrer

from lkboard.errors import ManifestInvalid, RegistryError

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

pytestmark = pytest.mark.registry


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
    assert listed(registry, "refer/one") == [entry(made, "one", "application/x.signature")]


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
    blobs = {**inner.blobs, digest(data): data}
    made = replace(index([inner]), data=data, blobs=blobs, manifests={digest(data): index([inner]).media_type})
    bring(tmp_path, made, f"{registry.host}/refer/list:r", job)
    assert [one["digest"] for one in listed(registry, "refer/list")] == [made.digest]


def test_a_tag_that_is_something_else_is_left_alone(tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
    registry.push(SUBJECT, f"refer/taken:{TAG}")
    with pytest.raises(RegistryError, match="should be a list of referrers, and is an image"):
        bring(tmp_path, referrer("x"), f"{registry.host}/refer/taken:r", job)


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


def test_a_list_whose_fate_is_unknown_is_read_before_it_is_written_again(
    tmp_path: Path, job: RecordingJob, registry: Registry, proxy: FaultProxy
) -> None:
    """What we have read may be old by then: the other one wrote while the registry was in trouble."""
    ours, other = referrer("ours"), referrer("other")

    def interrupt(answer: Answer) -> Answer:
        bring(tmp_path, other, f"{registry.host}/refer/trouble:o", job)
        return Status(503)(answer)

    proxy.add(Status(503), method="PUT", path=TAG, times=1)
    proxy.add(interrupt, method="PUT", path=TAG, times=1)
    bring(tmp_path, ours, f"{proxy.host}/refer/trouble:r", job)
    assert {one["digest"] for one in listed(registry, "refer/trouble")} == {ours.digest, other.digest}


def test_a_list_that_cannot_be_written_names_the_cause(tmp_path: Path, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Status(503), method="PUT", path=TAG)
    with pytest.raises(RegistryError, match="answered 503"):
        bring(tmp_path, referrer("never"), f"{proxy.host}/refer/never:r", job)


def test_an_answer_about_another_subject_is_none(
    tmp_path: Path, job: RecordingJob, registry: Registry, proxy: FaultProxy
) -> None:
    made = referrer("other subject")
    proxy.add(Header("OCI-Subject", image().digest), method="PUT", path="/manifests/r")
    bring(tmp_path, made, f"{proxy.host}/refer/wrong:r", job)
    assert [one["digest"] for one in listed(registry, "refer/wrong")] == [made.digest]


class Writer:
    """A push of a referrer in a process of its own."""

    def __init__(self, folder: Path, made: Image, destination: str, quiet_time: float) -> None:
        root = layout(folder, made).root
        self._process = subprocess.Popen(
            [sys.executable, pusher.__file__, root, "x", destination, str(quiet_time)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def result(self) -> str:
        """Wait for its end, which must be a good one, and return its warnings."""
        said, _ = self._process.communicate(timeout=120)
        assert self._process.returncode == 0
        return said


def test_two_processes_that_have_read_the_same_list_lose_nothing(
    tmp_path: Path, registry: Registry, proxy: FaultProxy
) -> None:
    """Both have seen that there is no list before either writes one."""
    both = threading.Barrier(2, timeout=60)

    def meet(answer: Answer) -> Answer:
        both.wait()
        return answer

    proxy.add(meet, method="GET", path=TAG, times=2)
    made = [referrer(f"process {number}") for number in range(2)]
    writers = [Writer(tmp_path, one, f"{proxy.host}/refer/processes:r{one.digest[7:11]}", 1.0) for one in made]
    for writer in writers:
        writer.result()
    assert {one["digest"] for one in listed(registry, "refer/processes")} == {one.digest for one in made}


def test_a_writer_that_was_held_up_says_that_others_may_have_lost_something(
    tmp_path: Path, job: RecordingJob, registry: Registry, proxy: FaultProxy
) -> None:
    """The other one has come, written, looked again and gone in the meantime."""
    hang = Hang()
    proxy.add(hang, method="GET", path=TAG, times=1)
    slow, quick = referrer("slow"), referrer("quick")
    writer = Writer(tmp_path, slow, f"{proxy.host}/refer/held:r", 0.01)
    assert hang.has_come.wait(60)
    bring(tmp_path, quick, f"{registry.host}/refer/held:q", job)
    hang.release.set()
    said = writer.result()
    assert [one["digest"] for one in listed(registry, "refer/held")] == [slow.digest]
    assert f"to write the list of referrers '{TAG}'" in said
    assert "they should push it again" in said


def test_a_quick_writer_says_nothing(tmp_path: Path, job: RecordingJob, registry: Registry) -> None:
    bring(tmp_path, referrer("silent"), f"{registry.host}/refer/silent:r", job, quiet_time=60.0)
    assert not any("list of referrers" in note for note in job.notes)
    assert job.waits
    assert all(60 <= seconds <= 90 for seconds in job.waits)
