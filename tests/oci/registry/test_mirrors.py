"""Mirrors: asked first, never trusted more, and not missed when they are away (registry.md section 3)."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from support.faults import Cut, FaultProxy, FlipByte, Status
from support.images import multi_arch, write_layout
from support.pulls import is_complete, log_in, pull, resolve, settings_of
from support.registry import running_registry
from support.waiting import wait_until

from lkboard.errors import AuthNeeded, ManifestInvalid, NotFound, RegistryError
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.servers.settings import parse_mirrors
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

pytestmark = pytest.mark.registry

MADE = multi_arch("mirror", size=300_000)
LAYERS = "/blobs/"


@pytest.fixture
def name(registry: Registry) -> str:
    return registry.push(MADE, "mirror/x:v1")


def through(proxy: FaultProxy) -> tuple[tuple[str, str], ...]:
    return parse_mirrors([proxy.url])


def test_a_mirror_serves_any_registry(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    found = pull(store, "registry.invalid/mirror/x:v1", job, mirrors=through(proxy))
    assert is_complete(store, found)
    assert str(found.reference) == "registry.invalid/mirror/x:v1"
    assert set(store.names()) == {"registry.invalid/mirror/x:v1"}


def test_a_mirror_is_told_whose_image_it_is(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    pull(store, "registry.invalid/mirror/x:v1", job, mirrors=through(proxy))
    assert all(seen.path.endswith("?ns=registry.invalid") for seen in proxy.requests)


def test_docker_hub_has_the_mirror_of_any_of_its_names(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry
) -> None:
    registry.push(MADE, "library/mirrored:v1")
    pull(store, "mirrored:v1", job, mirrors=parse_mirrors([f"index.docker.io={proxy.url}"]))
    assert set(store.names()) == {"docker.io/library/mirrored:v1"}


def test_a_mirror_may_have_a_path(store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry) -> None:
    registry.push(MADE, "cache/hub/lab/x:v1")
    found = pull(store, "registry.invalid/lab/x:v1", job, mirrors=parse_mirrors([f"{proxy.url}/cache/hub/"]))
    assert is_complete(store, found)


@pytest.mark.parametrize("status", [404, 410, 403, 500, 503])
def test_a_mirror_that_fails_is_passed_over(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, status: int
) -> None:
    proxy.add(Status(status))
    assert is_complete(store, pull(store, name, job, mirrors=through(proxy)))
    assert any("asking elsewhere" in note for note in job.notes)


@pytest.mark.parametrize("fault", [Status(500), Status(503), Status(429), Status(429, (("Retry-After", "300"),))])
def test_a_mirror_in_trouble_is_neither_waited_for_nor_asked_again(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, fault: Status
) -> None:
    proxy.add(fault)
    assert is_complete(store, pull(store, name, job, mirrors=through(proxy)))
    assert job.waits == []
    assert {len(proxy.seen(re.escape(seen.path))) for seen in proxy.requests} == {1}


def test_a_mirror_that_asked_to_wait_is_left_alone(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Status(429, (("Retry-After", "300"),)), times=1)
    assert is_complete(store, pull(store, name, job, mirrors=through(proxy)))
    assert len(proxy.requests) == 1


def test_a_mirror_that_is_away_is_passed_over_at_once(store: Store, job: RecordingJob, name: str) -> None:
    assert is_complete(store, pull(store, name, job, mirrors=(("*", "http://127.0.0.1:1"),)))
    assert job.waits == []


def test_a_mirror_with_other_bytes_is_passed_over(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(FlipByte(100), path=LAYERS)
    assert is_complete(store, pull(store, name, job, mirrors=through(proxy)))


def test_a_mirror_with_a_page_for_people_is_passed_over(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    page = b"<html>Please accept our terms</html>"
    proxy.add(Status(200, (("Content-Type", "text/html"),), page))
    assert is_complete(store, pull(store, name, job, mirrors=through(proxy)))
    assert not any(page in path.read_bytes() for path in store.root.rglob("*") if path.is_file())


def test_a_page_for_people_from_all_is_an_error_and_is_not_kept(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, registry: Registry
) -> None:
    proxy.add(Status(200, (("Content-Type", "text/html"),), b"<html>"))
    with pytest.raises(ManifestInvalid, match="the manifest cannot be used"):
        resolve(store, name.replace(registry.host, proxy.host), job)
    assert list((store.root / "blobs").rglob("*")) == []


def test_a_mirror_that_breaks_in_the_middle_is_continued_by_the_registry(
    store: Store, job: RecordingJob, proxy: FaultProxy, registry: Registry, name: str
) -> None:
    with FaultProxy(registry.host) as origin:
        name = name.replace(registry.host, origin.host)
        found = resolve(store, name, job)
        big = found.layers[-1].digest
        proxy.add(Cut(100_000), path=big, times=1)
        proxy.add(Status(404), path=big)
        assert is_complete(store, pull(store, name, job, mirrors=through(proxy)))
        (seen,) = origin.seen(big)
        assert seen.range.startswith("bytes=100000-")


def test_a_mirror_that_only_fails_is_asked_last(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    proxy.add(Status(502))
    pull(store, name, job, mirrors=through(proxy), retry_delays=())
    assert len(proxy.requests) == 2


def test_when_all_fail_the_error_tells_what_each_said(store: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    with pytest.raises(NotFound) as caught:
        resolve(store, "registry.invalid/mirror/none:v1", job, mirrors=through(proxy))
    text = str(caught.value)
    assert f"not found at {proxy.url}/v2/mirror/none/manifests/v1" in text
    assert "https://registry.invalid/v2/mirror/none/manifests/v1 failed" in text


def test_the_only_mirror_is_not_replaced_by_the_registry(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    proxy.add(Status(404))
    with pytest.raises(NotFound):
        resolve(store, name, job, mirrors=through(proxy), mirror_only=True)


def test_the_only_mirror_is_waited_for(store: Store, job: RecordingJob) -> None:
    with pytest.raises(RegistryError, match="Connection refused"):
        resolve(store, "registry.invalid/x:v1", job, mirrors=(("*", "http://127.0.0.1:1"),), mirror_only=True)
    assert len(job.waits) == 4


def test_the_login_of_a_registry_is_not_shown_to_its_mirror(
    store: Store, job: RecordingJob, proxy: FaultProxy, home: Path
) -> None:
    log_in(home, "registry.invalid", username="alice", password="s3cret")
    proxy.add(Status(401, (("WWW-Authenticate", 'Basic realm="mirror"'),)))
    with pytest.raises(AuthNeeded):
        resolve(store, "registry.invalid/x:v1", job, mirrors=through(proxy))
    assert not any(seen.authorized for seen in proxy.requests)


def test_a_mirror_that_fills_itself_is_one(store: Store, job: RecordingJob, tmp_path: Path) -> None:
    """The real registry as a pull-through cache: by digest it gives what it has kept, also without its upstream."""
    with ExitStack() as upstream:
        origin = upstream.enter_context(running_registry(tmp_path))
        name = origin.push(MADE, "mirror/through:v1")
        with running_registry(tmp_path, mirrored=origin.url) as mirror:
            mirrors = ((origin.host, mirror.url),)
            found = pull(store, name, job, mirrors=mirrors, mirror_only=True)
            assert is_complete(store, found)
            config = json.loads(MADE.blobs[found.manifest.digest])["config"]["digest"]
            needed = {MADE.digest, found.manifest.digest, config, *(layer.digest for layer in found.layers)}
            wait_until(lambda: needed <= mirror.links("mirror/through"))  # it keeps things after it has given them
            upstream.close()
            other = Store(tmp_path / "other")
            assert is_complete(other, pull(other, f"{origin.host}/mirror/through@{MADE.digest}", job, mirrors=mirrors))


def test_nothing_can_be_pushed_to_a_mirror_that_fills_itself(
    tmp_path: Path, job: RecordingJob, registry: Registry
) -> None:
    full = Store(write_layout(tmp_path / "full", {"x": MADE}))
    with running_registry(tmp_path, mirrored=registry.url) as mirror:
        target = parse_reference(f"{mirror.host}/mirror/to:v1")
        with pytest.raises(RegistryError, match="answered 405"):
            push(full, {"x": target}, settings_of(), job)
