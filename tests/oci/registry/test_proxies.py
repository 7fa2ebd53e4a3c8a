"""Registries behind a real forward proxy, which alone knows the way to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.authority import Authority
from support.images import multi_arch
from support.pulls import is_complete, pull, resolve
from support.registry import Registry, running_registry
from support.squid import Squid, running_squid

from lkboard.errors import RegistryError, TlsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

HOST = "registry.test"
SECRET = "s3cret-PROXY"
MADE = multi_arch("proxy", size=300_000)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Registry]:
    """A registry with TLS that only the proxy can find."""
    certificate = authority.server_certificate(f"DNS:{HOST},IP:127.0.0.1")
    folder = tmp_path_factory.mktemp("tls")
    with running_registry(folder, authority=authority, certificate=certificate) as running:
        running.push(MADE, "lab/x:v1")
        yield running


def behind(registry: Registry) -> str:
    """Return what a registry is called where only the proxy knows it."""
    return f"{HOST}:{registry.host.rpartition(':')[2]}"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_tls_goes_through_the_proxy(
    store: Store,
    job: RecordingJob,
    secure: Registry,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    with running_squid([HOST]) as squid:
        monkeypatch.setenv(variable, squid.url())
        found = pull(store, f"{behind(secure)}/lab/x:v1", job, ca_files=(str(authority.ca_file),))
    assert is_complete(store, found)
    assert set(squid.asked) == {f"CONNECT {behind(secure)}"}


def test_plain_http_goes_through_the_proxy(
    store: Store, job: RecordingJob, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.push(MADE, "proxied/x:v1")
    with running_squid([HOST]) as squid:
        monkeypatch.setenv("HTTP_PROXY", squid.url())
        found = pull(store, f"{behind(registry)}/proxied/x:v1", job, insecure=(HOST,))
    assert is_complete(store, found)
    assert f"GET http://{behind(registry)}/v2/proxied/x/manifests/v1" in squid.asked


def test_an_insecure_registry_behind_the_proxy_may_speak_tls(
    store: Store, job: RecordingJob, secure: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_squid([HOST]) as squid:
        monkeypatch.setenv("HTTPS_PROXY", squid.url())
        found = pull(store, f"{behind(secure)}/lab/x:v1", job, insecure=(HOST,))
    assert is_complete(store, found)


def test_plain_http_without_permission_is_refused_at_the_first_attempt(
    store: Store, job: RecordingJob, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_squid([HOST]) as squid:
        monkeypatch.setenv("HTTPS_PROXY", squid.url())
        with pytest.raises(TlsError) as caught:
            resolve(store, f"{behind(registry)}/lab/x:v1", job)
    assert f"--insecure-registry {behind(registry)}" in (caught.value.hint or "")
    assert job.waits == []
    assert squid.asked == [f"CONNECT {behind(registry)}"]


@pytest.fixture(scope="module")
def guarded() -> Iterator[Squid]:
    """A proxy that wants a login."""
    with running_squid([HOST], users={"bob": SECRET}) as running:
        yield running


def test_the_proxy_is_given_the_login_of_its_url(
    store: Store,
    job: RecordingJob,
    secure: Registry,
    authority: Authority,
    guarded: Squid,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", guarded.url(f"bob:{SECRET}"))
    found = pull(store, f"{behind(secure)}/lab/x:v1", job, ca_files=(str(authority.ca_file),))
    assert is_complete(store, found)


@pytest.mark.parametrize("login", ["", "bob:wr0ng-PROXY"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_is_named_without_its_password(
    store: Store, job: RecordingJob, registry: Registry, guarded: Squid, monkeypatch: pytest.MonkeyPatch, login: str,
    scheme: str,
) -> None:  # fmt: skip
    monkeypatch.setenv(f"{scheme}_proxy", guarded.url(login))
    insecure = (HOST,) if scheme == "http" else ()
    with pytest.raises(RegistryError) as caught:
        resolve(store, f"{behind(registry)}/lab/x:v1", job, insecure=insecure)
    assert f"the proxy '{guarded.url()}' refuses the login" in str(caught.value)
    assert "http://USER:PASSWORD@HOST:PORT" in (caught.value.hint or "")
    assert "PROXY" not in str(caught.value).replace("HTTPS_PROXY", "").replace("HTTP_PROXY", "")
    assert job.waits == []


@pytest.mark.parametrize("no_proxy", [HOST, f".{HOST.rpartition('.')[2]}", "*"])
def test_hosts_may_need_no_proxy(
    store: Store, job: RecordingJob, secure: Registry, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    with running_squid([HOST]) as squid:
        monkeypatch.setenv("HTTPS_PROXY", squid.url())
        monkeypatch.setenv("NO_PROXY", no_proxy)
        with pytest.raises(RegistryError, match=f"asking https://{behind(secure)}"):
            resolve(store, f"{behind(secure)}/lab/x:v1", job)
    assert squid.asked == []


def test_this_machine_is_asked_without_a_proxy(
    store: Store, job: RecordingJob, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert is_complete(store, pull(store, registry.push(MADE, "direct/x:v1"), job))


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://bob:hunter2@127.0.0.1:1", "through the proxy 'http://127.0.0.1:1' failed: Connection refused"),
        ("http://bob:hun/ter2@127.0.0.1:1", "the proxy 'http://…' cannot be used"),
        ("http://bob:hun#ter2@127.0.0.1:1", "the proxy 'http://…' cannot be used"),
        ("http://", "the proxy 'http://' cannot be used"),
        ("socks5://bob:hunter2@127.0.0.1:1", "the proxy 'socks5://127.0.0.1:1' cannot be used"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    store: Store, job: RecordingJob, monkeypatch: pytest.MonkeyPatch, proxy: str, said: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(RegistryError) as caught:
        resolve(store, f"{HOST}/lab/x:v1", job, retry_delays=())
    assert said in str(caught.value)
    assert "ter2" not in str(caught.value)
