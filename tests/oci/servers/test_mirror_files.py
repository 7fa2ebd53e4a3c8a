"""Mirrors that configuration files name, in front of a real registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.faults import FaultProxy, Hang, Redirect, Status
from support.images import multi_arch
from support.pulls import is_complete, log_in, pull, resolve

from lkboard.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

MADE = multi_arch("mirror files", size=300_000)
NOBODY = "127.0.0.1:1"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc"


@pytest.fixture
def origin(registry: Registry) -> Iterator[FaultProxy]:
    """The registry that images are named after."""
    registry.push(MADE, "files/x:v1")
    with FaultProxy(registry.host) as running:
        yield running


def registries_conf(etc: Path, location: str, *mirrors: str) -> str:
    """Write the file, with mirrors as inline tables, and return the name of the folder of the system's files."""
    text = f'[[registry]]\nlocation = "{location}"\nmirror = [{", ".join(mirrors)}]\n'
    (etc / "containers").mkdir(parents=True)
    (etc / "containers" / "registries.conf").write_text(text)
    return str(etc)


def at(host: str, **fields: str) -> str:
    """Return a mirror as an inline table."""
    more = "".join(f', {name.replace("_", "-")} = "{value}"' for name, value in fields.items())
    return f'{{location = "{host}"{more}}}'


def hosts_toml(etc: Path, host: str, text: str) -> str:
    folder = etc / "containerd" / "certs.d" / host
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(text)
    return str(etc)


def test_mirrors_are_asked_in_order_and_the_registry_last(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path
) -> None:
    proxy.add(Status(404), path="/blobs/")
    system = registries_conf(etc, origin.host, at(NOBODY), at(f"{proxy.host}"))
    assert is_complete(store, pull(store, f"{origin.host}/files/x:v1", job, system_folder=system))
    assert {seen.path.split("/")[4] for seen in origin.seen()} == {"blobs"}
    assert all(seen.path.endswith(f"?ns={origin.host}") for seen in proxy.seen())


def test_a_failing_mirror_is_told_once(store: Store, job: RecordingJob, origin: FaultProxy, etc: Path) -> None:
    system = registries_conf(etc, origin.host, at(NOBODY))
    pull(store, f"{origin.host}/files/x:v1", job, system_folder=system)
    told = [event for event in job.events if getattr(event, "level", "") == "info"]
    assert [f"http://{NOBODY}" in event.text and "asking elsewhere" in event.text for event in told] == [True]  # type: ignore[union-attr]


def test_a_mirror_for_digests_is_not_asked_what_a_tag_means(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path
) -> None:
    system = registries_conf(etc, origin.host, at(proxy.host, pull_from_mirror="digest-only"))
    assert is_complete(store, pull(store, f"{origin.host}/files/x:v1", job, system_folder=system))
    assert [seen.path for seen in origin.seen()] == ["/v2/files/x/manifests/v1"]
    assert proxy.seen("/blobs/")


def test_a_mirror_for_tags_is_not_asked_for_digests(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path
) -> None:
    system = registries_conf(etc, origin.host, at(proxy.host, pull_from_mirror="tag-only"))
    name = f"{origin.host}/files/x@{MADE.digest}"
    assert is_complete(store, pull(store, name, job, system_folder=system))
    assert proxy.seen() == []


def test_a_mirror_that_hangs_is_passed_over_after_one_time_limit(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path
) -> None:
    hang = Hang()
    proxy.add(hang)
    system = registries_conf(etc, origin.host, at(proxy.host))
    try:
        found = resolve(store, f"{origin.host}/files/x:v1", job, system_folder=system, read_timeout=1.5)
    finally:
        hang.release.set()
    assert found.manifest.digest in MADE.manifests
    assert len(proxy.seen("/manifests/v1")) == 1


def test_hosts_toml_gives_servers_their_root_and_headers(
    store: Store, job: RecordingJob, origin: FaultProxy, registry: Registry, etc: Path
) -> None:
    origin.add(Status(404), path="^/v2/files/x/(?!.*sha256)")
    system = hosts_toml(
        etc, "images.test", f'[host."{origin.url}/v2/files"]\noverride_path = true\nheader = {{x-key = "k"}}\n'
    )
    registry.push(MADE, "files/files/y:v1")
    assert is_complete(store, pull(store, "images.test/files/y:v1", job, system_folder=system))
    assert {seen.headers.get("x-key") for seen in origin.seen("/files/files/y/")} == {"k"}


def test_headers_of_a_server_stay_behind_when_it_leads_elsewhere(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path
) -> None:
    origin.add(Redirect(proxy.url), path="/blobs/")
    system = hosts_toml(etc, "images.test", f'[host."{origin.url}"]\nheader = {{x-key = "k", Authorization = "Q"}}\n')
    assert is_complete(store, pull(store, "images.test/files/x:v1", job, system_folder=system))
    assert {seen.headers.get("x-key") for seen in origin.seen("/v2/files")} == {"k"}
    assert {(seen.headers.get("x-key"), seen.authorized) for seen in proxy.seen()} == {(None, False)}


def test_a_server_that_can_only_resolve_gives_no_blobs(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path
) -> None:
    system = hosts_toml(
        etc,
        "images.test",
        f'server = "{origin.url}"\n[host."{proxy.url}"]\ncapabilities = ["resolve"]\n',
    )
    assert is_complete(store, pull(store, "images.test/files/x:v1", job, system_folder=system))
    assert [seen.path.partition("?")[0] for seen in proxy.seen()] == ["/v2/files/x/manifests/v1"]


def test_a_blocked_image_is_refused_before_anything_is_asked(
    store: Store, job: RecordingJob, origin: FaultProxy, etc: Path
) -> None:
    (etc / "containers").mkdir(parents=True)
    (etc / "containers" / "registries.conf").write_text(f'[[registry]]\nlocation = "{origin.host}"\nblocked = true\n')
    with pytest.raises(RegistryError, match="are blocked by"):
        resolve(store, f"{origin.host}/files/x:v1", job, system_folder=str(etc))
    assert origin.requests == []


def test_the_login_of_a_mirror_is_that_of_its_own_repository(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path, home: Path
) -> None:
    log_in(home, f"{proxy.host}/cache/files", username="bob", password="s3cret")
    proxy.add(Status(401, (("WWW-Authenticate", 'Basic realm="mirror"'),)))
    system = registries_conf(etc, origin.host, at(f"{proxy.host}/cache"))
    resolve(store, f"{origin.host}/files/x:v1", job, system_folder=system)
    assert [seen.authorized for seen in proxy.seen("manifests/v1")] == [False, True]
    assert not any(seen.authorized for seen in origin.requests)


def test_only_mirrors_for_digests_cannot_tell_what_a_tag_means(
    store: Store, job: RecordingJob, origin: FaultProxy, proxy: FaultProxy, etc: Path
) -> None:
    system = registries_conf(etc, origin.host, at(proxy.host, pull_from_mirror="digest-only"))
    with pytest.raises(RegistryError, match="none of its mirrors may be asked what a tag means") as caught:
        resolve(store, f"{origin.host}/files/x:v1", job, system_folder=system, mirror_only=True)
    assert caught.value.hint == "leave out --mirror-only"
