"""Warnings and limits that registries tell in headers, during pulls and pushes of real images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.faults import Answer, FaultProxy, Header, Status
from support.images import Image, image, layer, multi_arch, write_layout
from support.images import file as a_file
from support.pulls import log_in, pull, resolve, settings_of
from support.registry import TokenServer, running_registry

from lkboard.errors import LkboardError, RegistryError
from lkboard.events import Note
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

pytestmark = pytest.mark.registry

MADE = multi_arch("announcements")
HUB = (("ratelimit-limit", "100;w=21600"), ("docker-ratelimit-source", "192.0.2.7"))
"""How Docker Hub says whom it counts, and how."""


@pytest.fixture
def name(registry: Registry, proxy: FaultProxy) -> str:
    return registry.push(MADE, "announced/x:v1").replace(registry.host, proxy.host)


def warnings(job: RecordingJob) -> list[str]:
    return [event.text for event in job.events if isinstance(event, Note) and event.level == "warning"]


def add_headers(*pairs: tuple[str, str]) -> Any:
    """Return a fault that adds headers to those that are there, also of the same name."""

    def change(answer: Answer) -> Answer:
        answer.headers += pairs
        return answer

    return change


def test_a_warning_is_told_once_though_every_answer_has_it(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Header("Warning", '299 - "this registry closes in May"'))
    pull(store, name, job)
    assert len(proxy.requests) > 3
    assert warnings(job) == [f"{proxy.host} says: this registry closes in May"]


def test_a_push_tells_warnings(tmp_path: Path, job: RecordingJob, proxy: FaultProxy) -> None:
    write_layout(tmp_path / "full", {"x": MADE})
    proxy.add(Header("Warning", '299 - "quota is nearly used up"'), method="PUT")
    push(Store(tmp_path / "full"), {"x": parse_reference(f"{proxy.host}/announced/to:v1")}, settings_of(), job)
    assert warnings(job) == [f"{proxy.host} says: quota is nearly used up"]


def test_each_host_and_each_text_is_told(store: Store, job: RecordingJob, registry: Registry, name: str) -> None:
    with FaultProxy(registry.host) as first, FaultProxy(registry.host) as second:
        first.add(add_headers(("Warning", '299 - "one"'), ("Warning", '299 - "two"')))
        second.add(Header("Warning", '299 - "one", 299 - "three"'))
        for proxy in (first, second):
            resolve(store, f"{proxy.host}/announced/x:v1", job)
        assert sorted(warnings(job)) == sorted(
            [
                *(f"{first.host} says: {text}" for text in ("one", "two")),
                *(f"{second.host} says: {text}" for text in ("one", "three")),
            ]
        )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('299 - "a \\"quoted\\" word, and a \\\\"', 'a "quoted" word, and a \\'),
        ('299 - ""', ""),
        ('299 - "größer"'.encode().decode("latin-1"), "größer"),
        (f'299 - "{"x" * 4000}"', "x" * 500),
    ],
    ids=["quotes", "empty", "utf-8", "long"],
)
def test_a_warning_is_read(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, value: str, said: str
) -> None:
    proxy.add(Header("Warning", value))
    resolve(store, name, job)
    assert warnings(job) == [f"{proxy.host} says: {said}"]


@pytest.mark.parametrize("value", ['199 - "old"', "299", '299 - "unfinished', "299 - text", "", "\\" * 3000])
def test_what_is_no_warning_of_a_registry_is_not_told(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, value: str
) -> None:
    proxy.add(Header("Warning", value))
    resolve(store, name, job)
    assert warnings(job) == []


def test_a_host_cannot_talk_without_end(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Header("Warning", ", ".join(f'299 - "{number}"' for number in range(100))))
    resolve(store, name, job)
    assert warnings(job) == [f"{proxy.host} says: {number}" for number in range(10)]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ((*HUB, ("ratelimit-remaining", "10;w=21600")), "10 more requests in 6 hours for 192.0.2.7"),
        ((("RateLimit-Remaining", "0"),), "0 more requests"),
        ((("X-RateLimit-Remaining", "3"),), "3 more requests"),
        ((*HUB, ("ratelimit-remaining", "11;w=21600")), None),
        ((("ratelimit-remaining", "soon"),), None),
        ((("ratelimit-remaining", "9" * 5000),), None),
    ],
    ids=["hub", "none left", "other name", "many left", "nonsense", "huge"],
)
def test_few_requests_that_are_left_are_told_once(
    store: Store,
    job: RecordingJob,
    proxy: FaultProxy,
    name: str,
    headers: tuple[tuple[str, str], ...],
    said: str | None,
) -> None:
    proxy.add(add_headers(*headers))
    pull(store, name, job)
    told = [note for note in job.notes if "more requests" in note]
    assert told == ([f"{proxy.host} allows {said}"] if said else [])


def busy(**headers: str) -> Status:
    return Status(429, (*HUB, ("ratelimit-remaining", "0;w=21600"), *headers.items()))


def test_a_wait_is_told_once_by_all_who_wait(store: Store, job: RecordingJob, registry: Registry) -> None:
    made: Image = image(*(layer(a_file(f"f{number}", bytes([number]) * 1000)) for number in range(4)))
    name = registry.push(made, "announced/four:v1")
    with FaultProxy(registry.host) as proxy:
        proxy.add(Status(429, (("Retry-After", "200"),)), path="/blobs/", times=4)
        pull(store, name.replace(registry.host, proxy.host), job, parallel=4)
        assert [note for note in job.notes if "wait" in note] == [f"{proxy.host} asks to wait 200 s"]


@pytest.mark.parametrize("pause", ["0", "3600"])
def test_who_is_refused_without_a_login_is_told_how_to_log_in(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, pause: str
) -> None:
    proxy.add(Status(429, (("Retry-After", pause),)))
    with pytest.raises(RegistryError, match="answered 429") as caught:
        resolve(store, name, job)
    assert f"most registries allow more to those who log in: docker login {proxy.host}" in (caught.value.hint or "")


def test_who_is_refused_with_a_login_is_told_which(
    store: Store, job: RecordingJob, home: Path, proxy: FaultProxy, name: str
) -> None:
    log_in(home, proxy.host, username="alice", password="s3cret")
    proxy.add(Status(429, (("Retry-After", "0"),)))
    with pytest.raises(RegistryError, match="answered 429") as caught:
        resolve(store, name, job)
    assert f"of the login from '{home}/.docker/config.json'" in (caught.value.hint or "")
    assert "docker login" not in (caught.value.hint or "")


def test_a_token_server_that_is_asked_too_often_means_the_login_of_its_registry(
    store: Store, job: RecordingJob, tmp_path: Path
) -> None:
    with (
        TokenServer(tmp_path) as tokens,
        running_registry(tmp_path, tokens=tokens) as registry,
        FaultProxy(tokens.realm.split("/")[2]) as service,
        FaultProxy(registry.host) as proxy,
    ):
        proxy.add(lead_to(service))
        service.add(Status(429, (("Retry-After", "0"),)))
        with pytest.raises(LkboardError, match="/token answered 429") as caught:
            resolve(store, f"{proxy.host}/pub/x:v1", job)
    assert f"docker login {proxy.host}" in (caught.value.hint or "")


def lead_to(service: FaultProxy) -> Any:
    """Return a fault by which a registry names a token server."""
    return Header("WWW-Authenticate", f'Bearer realm="{service.url}/token",service="lab-registry"')


def test_a_push_that_is_asked_to_wait_says_so(tmp_path: Path, job: RecordingJob, proxy: FaultProxy) -> None:
    write_layout(tmp_path / "full", {"x": MADE})
    proxy.add(busy(**{"Retry-After": "5"}), method="PUT", path="/manifests/", times=1)
    push(Store(tmp_path / "full"), {"x": parse_reference(f"{proxy.host}/announced/slow:v1")}, settings_of(), job)
    assert f"{proxy.host} asks to wait 5 s" in job.notes
    assert f"{proxy.host} allows 0 more requests in 6 hours for 192.0.2.7" in job.notes
