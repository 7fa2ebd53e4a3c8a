"""Certificates of a real registry, and when plain http is good enough."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from requests.adapters import HTTPAdapter
from support.authority import Authority
from support.faults import FaultProxy, Redirect, Status
from support.images import multi_arch
from support.loops import need_root
from support.processes import ENVIRONMENT
from support.pulls import is_complete, log_in, pull, resolve, settings_of
from support.registry import Registry, running_registry

from lkboard.errors import NotFound, RegistryError, TlsError
from lkboard.oci.registry.connections import Connections
from lkboard.oci.servers.endpoint import Trust
from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

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


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_authority_may_come_from_the_environment(
    store: Store, job: RecordingJob, name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(authority.ca_file))
    assert is_complete(store, pull(store, name, job))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_authority_may_be_in_a_folder(
    store: Store, job: RecordingJob, name: str, authority: Authority, home: Path,
    monkeypatch: pytest.MonkeyPatch, variable: str,
) -> None:  # fmt: skip
    folder = home / "authorities"
    folder.mkdir()
    shutil.copy(authority.ca_file, folder / "company.pem")
    subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
    monkeypatch.setenv(variable, str(folder))
    assert is_complete(store, pull(store, name, job))


BEHIND = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


@pytest.mark.device
@pytest.mark.parametrize("is_known", [True, False])
def test_the_authorities_of_the_system_are_trusted(
    name: str, authority: Authority, tmp_path: Path, is_known: bool
) -> None:
    """Where OpenSSL looks for them there is another folder, in a mount namespace of the command's own."""
    need_root()
    folder = tmp_path / "system"
    folder.mkdir()
    if is_known:
        shutil.copy(authority.ca_file, folder / "company.pem")
    subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
    place = ssl.get_default_verify_paths().openssl_capath
    command = [sys.executable, "-m", "lkboard", "registry", "doctor", name, "--arch", "amd64"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", BEHIND, "sh", folder, place, *command],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (0 if is_known else 1), done.stdout + done.stderr
    assert ("its certificate is not trusted" in done.stdout) != is_known


def test_an_empty_folder_of_authorities_vouches_for_nobody(
    store: Store, job: RecordingJob, name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(home))
    with pytest.raises(TlsError, match="its certificate is not trusted"):
        resolve(store, name, job)


def count_authorities() -> int:
    url = "https://registry.example/v2/"
    with Connections(settings_of()).session(url, Trust()) as session:
        adapter = session.get_adapter(url)
    assert isinstance(adapter, HTTPAdapter)
    return int(adapter.poolmanager.connection_pool_kw["ssl_context"].cert_store_stats()["x509_ca"])


def test_a_bundle_in_the_environment_is_added_to_the_systems(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = count_authorities()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    assert count_authorities() == before + 1


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
    with pytest.raises(TlsError) as caught:
        resolve(store, name, job)
    assert f"{name}: asking https://" in str(caught.value)
    assert "its certificate is not trusted" in str(caught.value)
    assert "--cert-file FILE" in (caught.value.hint or "")
    assert job.waits == []


def test_another_authority_is_refused(store: Store, job: RecordingJob, name: str, tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="its certificate is not trusted"):
        resolve(store, name, job, ca_files=(str(Authority(tmp_path).ca_file),))


@pytest.mark.parametrize(
    ("names", "is_expired", "said", "hint"),
    [
        ("DNS:elsewhere.example", False, "IP address mismatch", "use the name that the certificate is for"),
        ("IP:127.0.0.1", True, "certificate has expired", "renew the registry's certificate"),
    ],
)
def test_a_certificate_for_another_name_or_time_is_refused_at_the_first_attempt(
    store: Store,
    job: RecordingJob,
    authority: Authority,
    tmp_path: Path,
    names: str,
    is_expired: bool,
    said: str,
    hint: str,
) -> None:
    certificate = authority.server_certificate(names, is_expired=is_expired)
    with (
        running_registry(tmp_path, authority=authority, certificate=certificate) as other,
        pytest.raises(TlsError, match=f"its certificate is not trusted: .*{said}") as caught,
    ):
        resolve(store, f"{other.host}/lab/x:v1", job, ca_files=(str(authority.ca_file),))
    assert hint in (caught.value.hint or "")
    assert job.waits == []


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Registry]:
    """A registry that wants to see a client certificate. It is empty: an answer is enough."""
    with running_registry(tmp_path_factory.mktemp("mutual"), authority=authority, wants_client=True) as running:
        yield running


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """An own folder for configuration files of the system."""
    return tmp_path / "etc"


def docker_certificates(etc: Path, host: str, **files: Path) -> Path:
    """Put files where docker looks for them: ``ca_crt`` becomes ``ca.crt``."""
    folder = etc / "docker" / "certs.d" / host
    folder.mkdir(parents=True)
    for name, path in files.items():
        (folder / name.replace("_", ".")).write_bytes(path.read_bytes())
    return folder


def answer_of(registry: Registry, store: Store, job: RecordingJob, etc: Path) -> None:
    """Get an answer of the registry, which is that it has no such image."""
    with pytest.raises(NotFound, match="MANIFEST_UNKNOWN"):
        resolve(store, f"{registry.host}/lab/none:v1", job, system_folder=str(etc))


def test_a_client_certificate_is_shown(
    store: Store, job: RecordingJob, mutual: Registry, authority: Authority, etc: Path
) -> None:
    certificate, key = authority.client_certificate("alice")
    docker_certificates(etc, mutual.host, ca_crt=authority.ca_file, me_cert=certificate, me_key=key)
    answer_of(mutual, store, job, etc)


def test_hosts_toml_may_name_the_client_certificate(
    store: Store, job: RecordingJob, mutual: Registry, authority: Authority, etc: Path
) -> None:
    certificate, key = authority.client_certificate("alice")
    folder = etc / "containerd" / "certs.d" / mutual.host
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(f'ca = "{authority.ca_file}"\nclient = [["{certificate}", "{key}"]]\n')
    answer_of(mutual, store, job, etc)


@pytest.mark.parametrize("who", ["nobody", "a stranger"])
def test_without_a_good_client_certificate_there_is_an_error_with_a_remedy(
    store: Store, job: RecordingJob, mutual: Registry, authority: Authority, etc: Path, tmp_path: Path, who: str
) -> None:
    certificate, key = Authority(tmp_path).client_certificate("mallory")
    files = {"ca_crt": authority.ca_file} | ({"me_cert": certificate, "me_key": key} if who == "a stranger" else {})
    docker_certificates(etc, mutual.host, **files)
    with pytest.raises(RegistryError) as caught:  # the server's alert may be lost: then it is no TlsError
        resolve(store, f"{mutual.host}/lab/x:v1", job, system_folder=str(etc))
    assert f"certs.d/{mutual.host}/client.cert" in (caught.value.hint or "")


def test_a_key_with_a_passphrase_is_an_error_and_no_question(
    store: Store, job: RecordingJob, mutual: Registry, authority: Authority, etc: Path
) -> None:
    certificate, key = authority.client_certificate("locked", passphrase="hunter2")
    folder = docker_certificates(etc, mutual.host, ca_crt=authority.ca_file, me_cert=certificate, me_key=key)
    with pytest.raises(TlsError, match="the client certificate cannot be used") as caught:
        resolve(store, f"{mutual.host}/lab/x:v1", job, system_folder=str(etc))
    assert caught.value.where == str(folder / "me.cert")
    assert "must not have a passphrase" in (caught.value.hint or "")


@pytest.mark.parametrize("program", ["docker", "containers"])
def test_the_authority_of_a_host_is_found_in_its_folder(
    store: Store, job: RecordingJob, name: str, secure: Registry, authority: Authority, etc: Path, program: str
) -> None:
    folder = docker_certificates(etc, secure.host, ca_crt=authority.ca_file)
    folder.parents[1].rename(etc / program) if program != "docker" else None
    assert is_complete(store, pull(store, name, job, system_folder=str(etc)))


def test_a_registry_may_be_insecure_by_its_file(
    store: Store, job: RecordingJob, name: str, secure: Registry, etc: Path
) -> None:
    (etc / "containers").mkdir(parents=True)
    (etc / "containers" / "registries.conf").write_text(f'[[registry]]\nlocation = "{secure.host}"\ninsecure = true\n')
    assert is_complete(store, pull(store, name, job, system_folder=str(etc)))


def test_a_host_may_be_trusted_without_proof(store: Store, job: RecordingJob, name: str, secure: Registry) -> None:
    assert is_complete(store, pull(store, name, job, insecure=(secure.host,)))


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_authority_that_cannot_be_read_is_named(
    store: Store, job: RecordingJob, name: str, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "company.crt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(TlsError, match=r"company\.crt: the certificates cannot be read"):
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


@pytest.fixture
def storage(registry: Registry, authority: Authority) -> Iterator[FaultProxy]:
    """Another server with TLS, to which a registry may send for its blobs."""
    registry.push(MADE, "tls/x:v1")
    with FaultProxy(registry.host, authority.server_certificate()) as running:
        yield running


@pytest.fixture
def front(registry: Registry, authority: Authority, storage: FaultProxy) -> Iterator[FaultProxy]:
    """A registry with TLS whose blobs are in the storage."""
    with FaultProxy(registry.host, authority.server_certificate()) as running:
        running.add(Redirect(storage.url), path="/blobs/")
        yield running


def test_the_authority_of_a_registry_vouches_for_its_storage_as_well(
    store: Store, job: RecordingJob, front: FaultProxy, storage: FaultProxy, authority: Authority, etc: Path
) -> None:
    docker_certificates(etc, front.host, ca_crt=authority.ca_file)
    assert is_complete(store, pull(store, f"{front.host}/tls/x:v1", job, system_folder=str(etc)))
    assert storage.seen("/blobs/")


def test_what_an_insecure_registry_leads_to_is_still_looked_at(
    store: Store, job: RecordingJob, front: FaultProxy, storage: FaultProxy
) -> None:
    with pytest.raises(TlsError, match=f"asking {storage.url}/.* failed: its certificate is not trusted") as caught:
        pull(store, f"{front.host}/tls/x:v1", job, insecure=(front.host,))
    assert storage.host in (caught.value.hint or "")
    assert storage.requests == []


def test_an_entry_for_an_insecure_registry_is_for_nobody_else(
    store: Store, job: RecordingJob, front: FaultProxy, storage: FaultProxy, etc: Path
) -> None:
    (etc / "containers").mkdir(parents=True)
    (etc / "containers" / "registries.conf").write_text(f'[[registry]]\nlocation = "{front.host}"\ninsecure = true\n')
    with pytest.raises(TlsError):
        pull(store, f"{front.host}/tls/x:v1", job, system_folder=str(etc))
    assert storage.requests == []


def test_the_authority_of_a_registry_vouches_for_its_token_server_as_well(
    store: Store, job: RecordingJob, front: FaultProxy, storage: FaultProxy, authority: Authority, etc: Path
) -> None:
    docker_certificates(etc, front.host, ca_crt=authority.ca_file)
    challenge = f'Bearer realm="{storage.url}/token",service="x"'
    front.add(Status(401, (("WWW-Authenticate", challenge),)), path="/manifests/v1", times=1)
    storage.add(Status(200, body=b'{"token": "t"}'), path="/token")
    resolve(store, f"{front.host}/tls/x:v1", job, system_folder=str(etc))
    assert len(storage.seen("/token")) == 1
