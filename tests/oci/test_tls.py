"""Certificates of a real registry, and when plain http is good enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.images import multi_arch
from support.pulls import is_complete, log_in, pull, resolve
from support.registry import Authority, Registry, running_registry

from lkboard.errors import RegistryError
from lkboard.oci.connections import Connections
from lkboard.oci.endpoint import Trust
from lkboard.oci.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.oci.store import Store

pytestmark = pytest.mark.registry

MADE = multi_arch("tls")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Registry]:
    """A registry with TLS and a password file, its certificate from an authority of ours."""
    folder = tmp_path_factory.mktemp("tls")
    with running_registry(folder, users={"alice": "s3cret"}, authority=authority) as running:
        running.push(MADE, "lab/x:v1")
        yield running


@pytest.fixture
def name(secure: Registry, home: Path) -> str:
    log_in(home, secure.host, username="alice", password="s3cret")
    return f"{secure.host}/lab/x:v1"


def test_the_authority_may_be_given(store: Store, job: RecordingJob, name: str, authority: Authority) -> None:
    assert is_complete(store, pull(store, name, job, ca_files=(str(authority.ca_file),)))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_the_authority_may_come_from_the_environment(
    store: Store, job: RecordingJob, name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(authority.ca_file))
    assert is_complete(store, pull(store, name, job))


def test_a_bundle_in_the_environment_does_not_replace_the_given_authority(
    store: Store,
    job: RecordingJob,
    name: str,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path).ca_file))
    assert is_complete(store, pull(store, name, job, ca_files=(str(authority.ca_file),)))


def test_an_unknown_authority_is_refused_at_the_first_attempt(store: Store, job: RecordingJob, name: str) -> None:
    with pytest.raises(RegistryError) as caught:
        resolve(store, name, job)
    assert f"{name}: asking https://" in str(caught.value)
    assert "its certificate is not trusted" in str(caught.value)
    assert "--cert-file FILE" in (caught.value.hint or "")
    assert job.waits == []


def test_another_authority_is_refused(store: Store, job: RecordingJob, name: str, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="its certificate is not trusted"):
        resolve(store, name, job, ca_files=(str(Authority(tmp_path).ca_file),))


def test_a_certificate_for_another_name_is_refused(
    store: Store, job: RecordingJob, authority: Authority, tmp_path: Path
) -> None:
    with (
        running_registry(tmp_path, authority=authority, names="DNS:elsewhere.example") as elsewhere,
        pytest.raises(RegistryError, match="its certificate is not trusted"),
    ):
        resolve(store, f"{elsewhere.host}/lab/x:v1", job, ca_files=(str(authority.ca_file),))
    assert job.waits == []


def test_a_host_may_be_trusted_without_proof(store: Store, job: RecordingJob, name: str, secure: Registry) -> None:
    assert is_complete(store, pull(store, name, job, insecure=(secure.host,)))


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_authority_that_cannot_be_read_is_named(
    store: Store, job: RecordingJob, name: str, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "company.crt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(RegistryError, match=r"company\.crt: the certificates cannot be read"):
        resolve(store, name, job, ca_files=(str(file),))


def test_loopback_speaks_what_it_speaks(secure: Registry, registry: Registry) -> None:
    connections = Connections(RegistrySettings())
    assert connections.scheme_of(secure.host, Trust()) == "https"
    assert connections.scheme_of(registry.host, Trust()) == "http"


def test_no_other_host_is_asked_whether_it_speaks_tls() -> None:
    assert Connections(RegistrySettings()).scheme_of("registry.invalid", Trust()) == "https"


def test_an_insecure_host_may_speak_plain_http() -> None:
    assert (
        Connections(RegistrySettings(insecure=("registry.invalid",))).scheme_of("registry.invalid", Trust()) == "http"
    )


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({}, "https://ghcr.io/v2/", {}),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://ghcr.io/v2/", {"https": "http://p:3128"}),
        ({"https_proxy": "http://p:3128"}, "https://ghcr.io/v2/", {"https": "http://p:3128"}),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "ghcr.io"}, "https://ghcr.io/v2/", {}),
        ({"HTTP_PROXY": "http://p:3128"}, "http://localhost:5000/v2/", {}),
        ({"HTTP_PROXY": "http://p:3128"}, "http://127.0.0.1:5000/v2/", {}),
    ],
)
def test_proxies_come_from_the_environment_and_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, expected: dict[str, str]
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert Connections(RegistrySettings()).proxies(url) == expected
