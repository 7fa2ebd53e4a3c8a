"""Secrets stay out of errors, events, logs and the store: everything that comes out is searched for them."""

from __future__ import annotations

import base64
import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from support.faults import Body, FaultProxy, Header, Redirect, Status
from support.images import multi_arch, write_layout
from support.pulls import log_in, pull, settings_of
from support.registry import Registry, TokenServer, running_registry
from support.squid import running_squid

from lkboard.errors import LkboardError
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.jobs import RecordingJob

pytestmark = pytest.mark.registry

PASSWORD = "hunter2-PASSWORD"
LOGIN = f"alice:{PASSWORD}"
SECRETS = (
    PASSWORD,
    *(base64.b64encode(text.encode()).decode() for text in (LOGIN, f"<token>:{LOGIN}", f"<token>:{PASSWORD}")),
    "SIGNATURE",
    "eyJ",
)
MADE = multi_arch("secrets")


def everything(store: Store, job: RecordingJob, error: BaseException | None, logged: str) -> str:
    """Return all texts that a pull has produced, and the private files of the store."""
    texts = [repr(event) for event in job.events] + [logged]
    if error:
        texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
    if store.root.exists():
        texts += [path.read_text("latin-1") for path in (store.root / ".lkboard").rglob("*") if path.is_file()]
        texts.append((store.root / "index.json").read_text() if (store.root / "index.json").exists() else "")
    return "\n".join(texts)


def run(store: Store, name: str, job: RecordingJob, caplog: pytest.LogCaptureFixture) -> str:
    return watched(store, lambda: pull(store, name, job), job, caplog)


def watched(store: Store, work: Callable[[], object], job: RecordingJob, caplog: pytest.LogCaptureFixture) -> str:
    """Do some work, which may fail, and return all texts that it has produced."""
    caught: BaseException | None = None
    with caplog.at_level(logging.INFO):
        try:
            work()
        except LkboardError as error:
            caught = error
    return everything(store, job, caught, caplog.text)


@pytest.mark.parametrize("fault", ["none", "refused", "cut", "server", "busy", "damaged", "elsewhere"])
def test_a_password_is_nowhere_to_be_seen(
    store: Store,
    job: RecordingJob,
    home: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    with (
        running_registry(tmp_path, users={"alice": PASSWORD}) as registry,
        FaultProxy(registry.host) as proxy,
    ):
        registry.push(MADE, "lab/x:v1")
        proxy_fault(proxy, fault)
        log_in(home, proxy.host, auth=SECRETS[1])
        text = run(store, f"{proxy.host}/lab/x:v1", job, caplog)
    assert "lab/x:v1" in text
    assert [secret for secret in SECRETS if secret in text] == []


def proxy_fault(proxy: FaultProxy, fault: str) -> None:
    faults = {
        "refused": Status(401, (("WWW-Authenticate", 'Basic realm="x"'),)),
        "cut": Body(b""),
        "server": Status(500),
        "busy": Status(429, (("Retry-After", "1"),)),
        "damaged": Body(b"{}"),
        "elsewhere": Redirect("http://bob:SIGNATURE@127.0.0.1:1"),
    }
    if fault != "none":
        proxy.add(faults[fault])


def test_a_token_is_nowhere_to_be_seen(
    store: Store, job: RecordingJob, home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        TokenServer(tmp_path, {"alice": PASSWORD}) as tokens,
        running_registry(tmp_path, tokens=tokens) as registry,
        FaultProxy(registry.host) as proxy,
    ):
        log_in(home, registry.host, auth=SECRETS[1])
        registry.push(MADE, "lab/x:v1")
        log_in(home, proxy.host, auth=SECRETS[1])
        proxy.add(Status(500), path="/blobs/")
        text = run(store, f"{proxy.host}/lab/x:v1", job, caplog)
    assert tokens.requests
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_the_signature_of_a_redirect_is_nowhere_to_be_seen(
    store: Store,
    job: RecordingJob,
    registry: Registry,
    proxy: FaultProxy,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    registry.push(MADE, "secrets/x:v1")
    proxy.add(Status(307, (("Location", f"{proxy.url}/stored?X-Amz-Signature=SIGNATURE"),)), path="/blobs/")
    proxy.add(Status(status), path="/stored")
    text = run(store, f"{proxy.host}/secrets/x:v1", job, caplog)
    assert "/stored" in text
    assert "SIGNATURE" not in text


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry whose token server takes the password, and as an identity token the whole login."""
    folder = tmp_path_factory.mktemp("secrets")
    with TokenServer(folder, {"alice": PASSWORD}) as tokens, running_registry(folder, tokens=tokens) as running:
        running.push(MADE, "priv/x:v1")
        yield running


def helper(home: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = home / "docker-credential-lab"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"credsStore": "lab"}')


def answer(user: str, secret: str) -> str:
    return f"""echo '{{"Username":"{user}","Secret":"{secret}"}}'"""


def give_login(kind: str, home: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    match kind:
        case "password":
            log_in(home, host, username="alice", password=PASSWORD)
        case "identity token":
            log_in(home, host, identitytoken=LOGIN)
        case "ready token":
            log_in(home, host, registrytoken=f"eyJ.{PASSWORD}")
        case "helper":
            helper(home, monkeypatch, answer("alice", PASSWORD))
        case "helper with identity token":
            helper(home, monkeypatch, answer("<token>", LOGIN))
        case "helper that fails":
            helper(home, monkeypatch, f"{answer('alice', PASSWORD)}; echo {PASSWORD} >&2; exit 3")
        case "helper that answers nonsense":
            helper(home, monkeypatch, f"echo '[\"{PASSWORD}\"'")


GOOD = ("password", "identity token", "helper", "helper with identity token")
BAD = ("ready token", "helper that fails", "helper that answers nonsense")


@pytest.mark.parametrize("fault", ["none", "server", "elsewhere"])
@pytest.mark.parametrize("verb", ["pull", "push"])
@pytest.mark.parametrize("kind", [*GOOD, *BAD])
def test_no_login_is_seen_whatever_is_done_with_it(
    tmp_path: Path,
    job: RecordingJob,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    with_tokens: Registry,
    kind: str,
    verb: str,
    fault: str,
) -> None:
    with FaultProxy(with_tokens.host) as proxy:
        give_login(kind, home, proxy.host, monkeypatch)
        if fault == "server":
            proxy.add(Status(500, body=b"no"), path="/blobs/")
        if fault == "elsewhere":
            proxy.add(Redirect(f"http://bob:SIGNATURE@{proxy.host}"), path="/blobs/", times=2)
        if verb == "pull":
            store = Store(tmp_path / "store")
            text = run(store, f"{proxy.host}/priv/x:v1", job, caplog)
        else:
            store = Store(write_layout(tmp_path / "full", {"x": MADE}))
            target = parse_reference(f"{proxy.host}/priv/{kind.replace(' ', '-')}:v1")
            text = watched(store, lambda: push(store, {"x": target}, settings_of(), job), job, caplog)
    assert text
    assert [secret for secret in SECRETS if secret in text] == []
    if fault == "none":
        assert ("AuthNeeded" in text) == (kind in BAD)


@pytest.mark.parametrize("verb", ["pull", "push"])
@pytest.mark.parametrize("fault", ["none", "server", "elsewhere"])
def test_no_header_of_hosts_toml_is_seen_nor_goes_elsewhere(
    tmp_path: Path,
    job: RecordingJob,
    home: Path,
    caplog: pytest.LogCaptureFixture,
    registry: Registry,
    verb: str,
    fault: str,
) -> None:
    registry.push(MADE, "headers/x:v1")
    with FaultProxy(registry.host) as proxy, FaultProxy(registry.host) as other:
        folder = home / f".config/containerd/certs.d/{proxy.host}"
        folder.mkdir(parents=True)
        (folder / "hosts.toml").write_text(f'server = "{proxy.url}"\nheader = {{x-key = "{PASSWORD}"}}\n')
        if fault == "server":
            proxy.add(Status(500), path="/blobs/")
        if fault == "elsewhere":
            proxy.add(Redirect(other.url), path="/blobs/")
        if verb == "pull":
            store = Store(tmp_path / "store")
            text = run(store, f"{proxy.host}/headers/x:v1", job, caplog)
        else:
            store = Store(write_layout(tmp_path / "full", {"x": MADE}))
            target = parse_reference(f"{proxy.host}/headers/{fault}:v1")
            text = watched(store, lambda: push(store, {"x": target}, settings_of(), job), job, caplog)
        assert {seen.headers.get("x-key") for seen in proxy.requests} == {PASSWORD}
        assert bool(other.requests) == (fault == "elsewhere")
        assert not any(PASSWORD in seen.headers.values() for seen in other.requests)
    assert text
    assert PASSWORD not in text


@pytest.mark.parametrize("password", [PASSWORD, f"wrong-{PASSWORD}"])
@pytest.mark.parametrize("verb", ["pull", "push"])
def test_no_password_of_a_proxy_is_seen_nor_sent_to_the_registry(
    tmp_path: Path,
    job: RecordingJob,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    registry: Registry,
    verb: str,
    password: str,
) -> None:
    registry.push(MADE, "proxied/x:v1")
    with FaultProxy(registry.host) as front, running_squid(["lab.test"], {"alice": PASSWORD}) as squid:
        host = f"lab.test:{front.host.rpartition(':')[2]}"
        monkeypatch.setenv("HTTP_PROXY", squid.url(f"alice:{password}"))
        monkeypatch.setenv("HTTPS_PROXY", squid.url(f"alice:{password}"))
        settings = settings_of(insecure=(host,))
        if verb == "pull":
            store = Store(tmp_path / "store")
            text = watched(store, lambda: pull(store, f"{host}/proxied/x:v1", job, insecure=(host,)), job, caplog)
        else:
            store = Store(write_layout(tmp_path / "full", {"x": MADE}))
            target = parse_reference(f"{host}/proxied/to:v1")
            text = watched(store, lambda: push(store, {"x": target}, settings, job), job, caplog)
        shown = [name for seen in front.requests for name in seen.headers if name.lower() == "proxy-authorization"]
    assert bool(front.requests) == (password == PASSWORD)
    assert shown == []
    assert squid.asked
    assert text
    assert [secret for secret in (*SECRETS, password) if secret in text] == []


def test_a_mirror_and_a_place_that_it_leads_to_see_no_login_of_the_registry(
    store: Store, job: RecordingJob, home: Path, with_tokens: Registry, registry: Registry
) -> None:
    registry.push(MADE, "priv/x:v1")
    with FaultProxy(registry.host) as mirror, FaultProxy(registry.host) as other:
        log_in(home, with_tokens.host, identitytoken=LOGIN)
        mirror.add(Redirect(other.url), path="/blobs/")
        pull(store, f"{with_tokens.host}/priv/x:v1", job, mirrors=((with_tokens.host, mirror.url),))
        assert mirror.requests
        assert other.requests
        for seen in (*mirror.requests, *other.requests):
            assert not seen.authorized
            assert not [secret for secret in SECRETS if secret in repr(seen.headers)]


def test_what_a_server_says_of_our_login_is_not_repeated_to_others(
    store: Store, job: RecordingJob, home: Path, registry: Registry
) -> None:
    """A cookie is as good as a login: none is kept."""
    name = registry.push(MADE, "cookies/x:v1")
    with FaultProxy(registry.host) as proxy, FaultProxy(registry.host) as other:
        proxy.add(Header("Set-Cookie", f"session={PASSWORD}; Domain=127.0.0.1; Path=/"), path="/manifests/")
        proxy.add(Redirect(other.url), path="/blobs/")
        pull(store, name.replace(registry.host, proxy.host), job)
        assert not any("Cookie" in seen.headers for seen in (*proxy.requests, *other.requests))
