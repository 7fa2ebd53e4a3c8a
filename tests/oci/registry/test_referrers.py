"""What refers to an image, as registries list it: one of our own does, and the real one has a tag instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.faults import Body, FaultProxy, Header, Status
from support.images import Image, dumps
from support.listing_registry import INDEX, ListingRegistry
from support.pulls import settings_of
from support.referring import SUBJECT, TAG, bring, referrer

from lkboard.errors import LkboardError, ManifestInvalid, RegistryError
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.client import RegistryClient
from lkboard.oci.registry.referrers import Referrers, list_referrers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

KINDS = ("application/x.signature", "application/x.bill", "application/x.signature")


@pytest.fixture
def made() -> list[Image]:
    """Three referrers of two kinds."""
    return [referrer(str(number), artifactType=kind) for number, kind in enumerate(KINDS)]


@pytest.fixture(params=[(1000, True), (1000, False), (1, True), (1, False)], ids=lambda one: f"{one[0]}-{one[1]}")
def listing(request: pytest.FixtureRequest) -> Iterator[ListingRegistry]:
    page, filters = request.param
    with ListingRegistry(page=page, filters=filters) as running:
        yield running


@pytest.fixture
def front(made: list[Image], tmp_path: Path, job: RecordingJob) -> Iterator[FaultProxy]:
    """A way to a registry that lists, one at a time, what refers to the subject."""
    with ListingRegistry(page=1) as running, FaultProxy(running.host) as proxy:
        for number, one in enumerate(made):
            bring(tmp_path, one, f"{running.host}/lab/x:r{number}", job)
        yield proxy


def ask(host: str, job: RecordingJob, kind: str = "") -> Referrers:
    client = RegistryClient(settings_of(retry_delays=()), job)
    reference = parse_reference(f"{host}/lab/x:v1")
    return list_referrers(client, client.origin(reference), SUBJECT.digest, str(reference), kind)


def digests(found: Referrers) -> list[str]:
    return [one.descriptor.digest for one in found.entries]


@pytest.mark.parametrize("kind", ["", *sorted(set(KINDS)), "application/x.nothing"])
def test_what_was_pushed_is_listed_by_kind_and_in_pages(
    listing: ListingRegistry, made: list[Image], tmp_path: Path, job: RecordingJob, kind: str
) -> None:
    for number, one in enumerate(made):
        bring(tmp_path, one, f"{listing.host}/lab/x:r{number}", job)
    found = ask(listing.host, job, kind)
    assert found.is_native
    assert digests(found) == [one.digest for one, its in zip(made, KINDS, strict=True) if kind in {"", its}]
    assert {one.kind for one in found.entries} <= ({kind} if kind else set(KINDS))


def test_a_registry_that_lists_gets_no_tag(
    listing: ListingRegistry, made: list[Image], tmp_path: Path, job: RecordingJob
) -> None:
    bring(tmp_path, made[0], f"{listing.host}/lab/x:r", job)
    assert listing.tags("lab/x") == ["r"]
    assert not any(TAG in request for request in listing.requests)
    assert job.waits == []


def test_pages_are_followed_one_after_the_other(front: FaultProxy, job: RecordingJob) -> None:
    ask(front.host, job)
    assert [seen.path.partition("?")[2] for seen in front.seen("/referrers/")] == ["", "start=1", "start=2"]


def test_nothing_refers_to_it(job: RecordingJob) -> None:
    with ListingRegistry() as listing:
        assert ask(listing.host, job) == Referrers((), is_native=True)


@pytest.mark.registry
@pytest.mark.parametrize("kind", ["", KINDS[0]])
def test_without_lists_the_tag_is_read(
    registry: Registry, made: list[Image], tmp_path: Path, job: RecordingJob, kind: str
) -> None:
    for number, one in enumerate(made):
        bring(tmp_path, one, f"{registry.host}/lab/x:{kind[-4:]}{number}", job)
    found = ask(registry.host, job, kind)
    assert not found.is_native
    assert digests(found) == [one.digest for one, its in zip(made, KINDS, strict=True) if kind in {"", its}]


@pytest.mark.registry
def test_without_lists_and_without_a_tag_there_is_nothing(registry: Registry, job: RecordingJob) -> None:
    client = RegistryClient(settings_of(), job)
    reference = parse_reference(f"{registry.host}/refer/nobody:v1")
    found = list_referrers(client, client.origin(reference), SUBJECT.digest, str(reference))
    assert found == Referrers((), is_native=False)


@pytest.mark.parametrize(
    "fault",
    [Status(400), Status(404), Status(405), Status(406), Header("Content-Type", "text/html")],
    ids=["400", "404", "405", "406", "a page"],
)
def test_an_answer_that_is_no_list_leads_to_the_tag(front: FaultProxy, job: RecordingJob, fault: Status) -> None:
    front.add(fault, path="/referrers/")
    assert ask(front.host, job) == Referrers((), is_native=False)
    assert front.seen(f"/manifests/{TAG}$")


@pytest.mark.parametrize(
    ("fault", "path", "kind", "said"),
    [
        (Status(403), "/referrers/", LkboardError, "denies access"),
        (Status(500), "/referrers/", RegistryError, "answered 500"),
        (Status(404), "start=2", LkboardError, "not found at"),
        (Header("Link", '<http://other.example/next>; rel="next"'), "", RegistryError, "goes on at another server"),
        (Header("Link", '<http://[/>; rel="next"'), "", RegistryError, "leads to something that is no URL"),
        (
            Header("Link", f'</v2/lab/x/referrers/{SUBJECT.digest}>; rel="next"'),
            "",
            RegistryError,
            "goes on without end",
        ),
        (Body(b"{"), "/referrers/", ManifestInvalid, "the manifest cannot be used"),
        (Body(b'{"manifests": [{}]}'), "/referrers/", ManifestInvalid, "'' is not a digest|'size' is missing"),
        (Body(b"[" * 100_000), "/referrers/", ManifestInvalid, "the manifest"),
    ],
    ids=range(9),
)
def test_a_list_that_is_broken_is_an_error(
    front: FaultProxy, job: RecordingJob, fault: Status, path: str, kind: type[LkboardError], said: str
) -> None:
    front.add(fault, path=path)
    with pytest.raises(kind, match=said):
        ask(front.host, job)


@pytest.mark.parametrize("value", [5, ["x"], {"a": "b"}])
def test_a_kind_that_is_no_text_is_an_error(front: FaultProxy, job: RecordingJob, value: object) -> None:
    entry = SUBJECT.descriptor | {"artifactType": value}
    front.add(Body(dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})), path="/referrers/")
    with pytest.raises(ManifestInvalid, match="'artifactType' is not a text"):
        ask(front.host, job)


def test_pages_without_end_end(front: FaultProxy, job: RecordingJob) -> None:
    """Each leads to another one."""
    counter = iter(range(1_000_000))

    def lead_on(answer: object) -> object:
        return Header("Link", f'</v2/lab/x/referrers/{SUBJECT.digest}?start={next(counter)}>; rel="next"')(answer)  # type: ignore[arg-type]

    front.add(lead_on, path="/referrers/")  # type: ignore[arg-type]
    with pytest.raises(RegistryError, match="goes on without end"):
        ask(front.host, job)
