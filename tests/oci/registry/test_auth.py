"""Logins at a real registry with passwords or tokens, and what is done to keep them from others."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from support.authority import Authority
from support.faults import Answer, Ask, Cut, Fault, FaultProxy, Redirect, Status
from support.images import multi_arch
from support.pulls import is_complete, log_in, pull, resolve
from support.registry import Registry, TokenServer, running_registry

from lkboard.errors import AuthNeeded, RegistryError
from lkboard.events import Job
from lkboard.oci.registry.auth import Login
from lkboard.oci.registry.challenge import parse_challenges
from lkboard.oci.registry.transport import Transport
from lkboard.oci.servers.endpoint import Endpoint
from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

USERS = {"alice": "s3cret"}
MADE = multi_arch("auth", size=300_000)
BEARER = 'Bearer realm="{realm}",service="x"'


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with a password file."""
    with running_registry(tmp_path_factory.mktemp("htpasswd"), users=USERS) as running:
        running.push(MADE, "lab/x:v1")
        yield running


@pytest.fixture(scope="module")
def token_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens"), USERS) as running:
        yield running


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory: pytest.TempPathFactory, token_server: TokenServer) -> Iterator[Registry]:
    """A registry with a token server: pub/* is for all, the rest for users."""
    with running_registry(tmp_path_factory.mktemp("token-registry"), tokens=token_server) as running:
        running.push(MADE, "pub/x:v1")
        running.push(MADE, "priv/x:v1")
        yield running


@pytest.fixture
def tokens(token_server: TokenServer) -> Iterator[TokenServer]:
    """The token server, with what it remembers and its settings reset."""
    token_server.requests.clear()
    yield token_server
    token_server.lifetime = 300
    token_server.post_status = 200
    token_server.extra = {}


def encoded(login: str) -> str:
    return base64.b64encode(login.encode()).decode()


def test_a_password_opens_the_registry(store: Store, job: RecordingJob, guarded: Registry, home: Path) -> None:
    log_in(home, guarded.host, auth=encoded("alice:s3cret"))
    assert is_complete(store, pull(store, f"{guarded.host}/lab/x:v1", job))


def test_without_a_login_the_error_says_how_to_log_in(store: Store, job: RecordingJob, guarded: Registry) -> None:
    with pytest.raises(AuthNeeded) as caught:
        resolve(store, f"{guarded.host}/lab/x:v1", job)
    assert f"{guarded.host}/lab/x:v1: {guarded.url}/v2/lab/x/manifests/v1 wants a login" in str(caught.value)
    assert f"docker login {guarded.host}" in (caught.value.hint or "")


def test_a_wrong_password_is_tried_once_and_its_file_is_named(
    store: Store, job: RecordingJob, guarded: Registry, home: Path
) -> None:
    with FaultProxy(guarded.host) as proxy:
        log_in(home, proxy.host, auth=encoded("alice:hunter2"))
        with pytest.raises(AuthNeeded) as caught:
            resolve(store, f"{proxy.host}/lab/x:v1", job)
        assert [seen.authorized for seen in proxy.requests] == [False, True]
    assert f"refuses the login from '{home}/.docker/config.json'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_known_password_is_shown_at_once(store: Store, job: RecordingJob, guarded: Registry, home: Path) -> None:
    with FaultProxy(guarded.host) as proxy:
        log_in(home, proxy.host, auth=encoded("alice:s3cret"))
        pull(store, f"{proxy.host}/lab/x:v1", job)
        assert [seen.authorized for seen in proxy.requests].count(False) == 1


def test_a_login_may_be_for_one_repository_only(store: Store, job: RecordingJob, guarded: Registry, home: Path) -> None:
    log_in(home, f"{guarded.host}/lab/x", auth=encoded("alice:s3cret"))
    assert is_complete(store, pull(store, f"{guarded.host}/lab/x:v1", job))


def test_a_helper_program_gives_the_password(
    store: Store, job: RecordingJob, guarded: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = home / "docker-credential-lab"
    program.write_text('#!/bin/sh\necho \'{"Username":"alice","Secret":"s3cret"}\'\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"credsStore": "lab"}')
    assert is_complete(store, pull(store, f"{guarded.host}/lab/x:v1", job))


def test_netrc_is_not_read(
    store: Store, job: RecordingJob, guarded: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login alice password s3cret\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    with pytest.raises(AuthNeeded):
        resolve(store, f"{guarded.host}/lab/x:v1", job)


def test_a_token_is_asked_for_without_a_login(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer
) -> None:
    assert is_complete(store, pull(store, f"{with_tokens.host}/pub/x:v1", job))
    assert tokens.requests == [{"service": ["lab-registry"], "scope": ["repository:pub/x:pull"]}]


def test_a_token_serves_all_requests_of_a_repository(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer
) -> None:
    with FaultProxy(with_tokens.host) as proxy:
        pull(store, f"{proxy.host}/pub/x:v1", job)
        assert [seen.authorized for seen in proxy.requests].count(False) == 1


def test_a_login_is_shown_to_the_token_server(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path
) -> None:
    log_in(home, with_tokens.host, auth=encoded("alice:s3cret"))
    assert is_complete(store, pull(store, f"{with_tokens.host}/priv/x:v1", job))
    assert tokens.requests[0]["account"] == ["alice"]


def test_a_token_without_rights_is_not_asked_for_again_and_again(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer
) -> None:
    with pytest.raises(AuthNeeded, match="wants a login, or there is no such image"):
        resolve(store, f"{with_tokens.host}/priv/x:v1", job)
    assert len(tokens.requests) == 1


def test_a_wrong_password_is_refused_by_the_token_server(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path
) -> None:
    log_in(home, with_tokens.host, auth=encoded("alice:wrong"))
    with pytest.raises(AuthNeeded, match=f"{tokens.realm} refuses the login from"):
        resolve(store, f"{with_tokens.host}/pub/x:v1", job)
    assert len(tokens.requests) == 1


def test_an_identity_token_is_traded_for_a_token(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path
) -> None:
    log_in(home, with_tokens.host, identitytoken="alice:s3cret")
    assert is_complete(store, pull(store, f"{with_tokens.host}/priv/x:v1", job))
    assert tokens.requests[0]["grant_type"] == ["refresh_token"]


@pytest.mark.parametrize("status", [404, 405])
def test_a_token_server_without_trade_gets_the_identity_token_as_a_password(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path, status: int
) -> None:
    tokens.post_status = status
    log_in(home, with_tokens.host, identitytoken="alice:s3cret")
    assert is_complete(store, pull(store, f"{with_tokens.host}/priv/x:v1", job))
    assert [sorted(request) for request in tokens.requests] == [["scope", "service"]]


def test_a_token_server_that_refuses_the_trade_is_not_asked_otherwise(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path
) -> None:
    tokens.post_status = 403
    log_in(home, with_tokens.host, identitytoken="alice:s3cret")
    with pytest.raises(AuthNeeded, match="refuses the login"):
        resolve(store, f"{with_tokens.host}/priv/x:v1", job)
    assert tokens.requests == []


def test_a_new_identity_token_replaces_the_old_one(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path
) -> None:
    tokens.users["bob"] = "rotated"
    tokens.extra = {"refresh_token": "bob:rotated"}
    with FaultProxy(with_tokens.host) as proxy:
        proxy.add(Ask("Authorization", "Bearer stale"), path="/blobs/", times=1)
        log_in(home, proxy.host, identitytoken="alice:s3cret")
        assert is_complete(store, pull(store, f"{proxy.host}/priv/x:v1", job, parallel=1))
    assert [request["refresh_token"] for request in tokens.requests] == [["alice:s3cret"], ["bob:rotated"]]


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("place", ["http://192.168.1.1", "https://other.example", "{neighbour}"])
def test_an_identity_token_is_not_sent_on(
    store: Store, job: RecordingJob, proxy: FaultProxy, tokens: TokenServer, home: Path, place: str, status: int
) -> None:
    place = place.format(neighbour=tokens.realm.removesuffix("/token"))
    log_in(home, proxy.host, identitytoken="alice:s3cret")
    proxy.add(Redirect(place, status), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(RegistryError, match=f"{proxy.url}/token wants the login to be sent on to {place}/token"):
        resolve(store, f"{proxy.host}/lab/x:v1", job)
    assert proxy.seen("/token") == []  # whatever answers there, it is not asked in another way
    assert tokens.requests == []


def test_an_identity_token_may_be_sent_on_in_the_same_place(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path
) -> None:
    with FaultProxy(with_tokens.host) as proxy, FaultProxy(tokens.realm.split("/")[2]) as way:
        challenge = BEARER.format(realm=f"{way.url}/old").replace('"x"', '"lab-registry"')
        proxy.add(Status(401, (("WWW-Authenticate", challenge),)), path="manifests/v1", times=1)
        way.add(Status(307, (("Location", "/token"),)), path="/old")
        log_in(home, proxy.host, identitytoken="alice:s3cret")
        resolve(store, f"{proxy.host}/priv/x:v1", job)
    assert [request["refresh_token"] for request in tokens.requests] == [["alice:s3cret"]]


def test_a_ready_token_is_used_as_it_is(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path
) -> None:
    answer = tokens.answer({"scope": ["repository:priv/x:pull"]}, "alice")
    log_in(home, with_tokens.host, registrytoken=answer["token"])
    assert is_complete(store, pull(store, f"{with_tokens.host}/priv/x:v1", job))
    assert tokens.requests == []


def test_a_ready_token_that_is_refused_is_an_error(
    store: Store, job: RecordingJob, with_tokens: Registry, home: Path
) -> None:
    log_in(home, with_tokens.host, registrytoken="stale")
    with pytest.raises(AuthNeeded, match="refuses the login from"):
        resolve(store, f"{with_tokens.host}/priv/x:v1", job)


def test_a_token_that_dies_in_the_middle_is_renewed_and_the_download_goes_on(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer
) -> None:
    tokens.lifetime = -100
    dead = tokens.answer({"scope": ["repository:pub/x:pull"]}, None)["token"]
    tokens.lifetime = 300
    with FaultProxy(with_tokens.host) as proxy:
        big = next(name for name, data in MADE.blobs.items() if len(data) > 200_000)
        proxy.add(Cut(100_000), path=big, times=1)
        proxy.add(Ask("Authorization", f"Bearer {dead}"), path=big, times=1)  # the registry itself says what is wrong
        assert is_complete(store, pull(store, f"{proxy.host}/pub/x:v1", job))
        ranges = [seen.range.partition("-")[0] for seen in proxy.seen(big)]
    assert ranges == ["", "bytes=100000", "bytes=100000"]
    assert len(tokens.requests) == 2


def test_a_token_that_is_dead_on_arrival_is_an_error(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer
) -> None:
    tokens.lifetime = -100
    with pytest.raises(AuthNeeded):
        resolve(store, f"{with_tokens.host}/pub/x:v1", job)
    assert len(tokens.requests) == 1


def test_a_registry_may_ask_for_more_rights(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer
) -> None:
    challenge = BEARER.format(realm=tokens.realm).replace('"x"', '"lab-registry"')
    wider = f'{challenge},scope="repository:pub/other:pull",error="insufficient_scope"'
    with FaultProxy(with_tokens.host) as proxy:
        proxy.add(Status(401, (("WWW-Authenticate", challenge),)), path="manifests/v1", times=1)
        proxy.add(Status(401, (("WWW-Authenticate", wider),)), path="manifests/v1", times=1)
        resolve(store, f"{proxy.host}/pub/x:v1", job)
    assert [request["scope"] for request in tokens.requests] == [
        ["repository:pub/x:pull"],
        ["repository:pub/other:pull", "repository:pub/x:pull"],
    ]


def refuse(proxy: FaultProxy, challenge: str) -> None:
    proxy.add(Status(401, (("WWW-Authenticate", challenge),)), path="/v2/")


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Basic realm="x"', "Bearer", "Digest a=b"])
def test_a_challenge_that_cannot_be_met_is_an_error(
    store: Store, job: RecordingJob, proxy: FaultProxy, challenge: str
) -> None:
    refuse(proxy, challenge)
    with pytest.raises((AuthNeeded, RegistryError)) as caught:
        resolve(store, f"{proxy.host}/lab/x:v1", job)
    assert f"{proxy.host}/lab/x:v1" in str(caught.value)
    assert len(proxy.requests) == 1


def test_a_bearer_is_preferred_to_a_password(
    store: Store, job: RecordingJob, proxy: FaultProxy, tokens: TokenServer, home: Path
) -> None:
    log_in(home, proxy.host, auth=encoded("alice:s3cret"))
    refuse(proxy, f'Basic realm="x", {BEARER.format(realm=tokens.realm)}')
    with pytest.raises(AuthNeeded):
        resolve(store, f"{proxy.host}/lab/x:v1", job)
    assert len(tokens.requests) == 1


@pytest.mark.parametrize(
    ("realm", "said"),
    [
        ("http://10.0.0.1/token", "a private address"),
        ("http://192.168.1.1:8080/token", "a private address"),
        ("http://169.254.169.254/latest/meta-data", "a private address"),
        ("https://[fd00::1]/token", "a private address"),
        ("https://[::1/token", "no URL"),
        ("https://example.com:99999/token", "no URL"),
        ("ftp://example.com/token", "which is not https"),
        ("/token", "which is not https"),
        ("", "which is not https"),
    ],
)
def test_a_login_is_not_sent_just_anywhere(
    store: Store, job: RecordingJob, proxy: FaultProxy, home: Path, realm: str, said: str
) -> None:
    log_in(home, proxy.host, auth=encoded("alice:s3cret"))
    refuse(proxy, BEARER.format(realm=realm))
    with pytest.raises(RegistryError, match=said):
        resolve(store, f"{proxy.host}/lab/x:v1", job, retry_delays=())


def test_a_token_server_may_not_send_the_login_on_to_a_private_place(
    store: Store, job: RecordingJob, proxy: FaultProxy
) -> None:
    proxy.add(Status(307, (("Location", "http://192.168.1.1/token"),)), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(RegistryError, match=r"sends logins to 'http://192.168.1.1/token', a private address"):
        resolve(store, f"{proxy.host}/lab/x:v1", job)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no", b"{}", b"[]", b'{"token": ""}', b'{"token": "a\\nb"}',
        '{"token": "schl\u00fcssel\u20ac"}'.encode(), b'{"token": null}', b'{"expires_in": 5}',
        b'{"token": "t", "expires_in": "x"}', b"[" * 9999,
    ],
)  # fmt: skip
def test_what_is_not_a_token_is_an_error(store: Store, job: RecordingJob, proxy: FaultProxy, body: bytes) -> None:
    proxy.add(Status(200, body=body), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(RegistryError, match="is not a token"):
        resolve(store, f"{proxy.host}/lab/x:v1", job)


@pytest.mark.parametrize("body", [b'{"token": "t"}', b'{"access_token": "t"}', b'{"token": "t", "expires_in": null}'])
def test_a_token_is_read_under_either_name(store: Store, job: RecordingJob, proxy: FaultProxy, body: bytes) -> None:
    proxy.add(Status(200, body=body), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(AuthNeeded):
        resolve(store, f"{proxy.host}/lab/x:v1", job)
    assert [seen.headers["Authorization"] for seen in proxy.requests if seen.authorized] == ["Bearer t"]


@pytest.mark.parametrize(("status", "said"), [(404, "gave no token: status 404"), (500, "answered 500")])
def test_a_token_server_in_trouble_is_named(
    store: Store, job: RecordingJob, proxy: FaultProxy, status: int, said: str
) -> None:
    proxy.add(Status(status), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(RegistryError, match=f"{proxy.url}/token {said}"):
        resolve(store, f"{proxy.host}/lab/x:v1", job)


@pytest.mark.parametrize("fault", [Status(503), Status(429, (("Retry-After", "2"),))])
def test_a_token_server_that_recovers_is_asked_again(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, fault: Fault
) -> None:
    with FaultProxy(with_tokens.host) as proxy, FaultProxy(tokens.realm.split("/")[2]) as way:
        challenge = BEARER.format(realm=f"{way.url}/token").replace('"x"', '"lab-registry"')
        proxy.add(Status(401, (("WWW-Authenticate", challenge),)), path="manifests/v1", times=1)
        way.add(fault, path="/token", times=2)
        resolve(store, f"{proxy.host}/pub/x:v1", job)
    assert len(way.seen("/token")) == 3


def cut_token(answer: Answer) -> Answer:
    return Cut(5)(Status(200, body=b'{"token": "t"}')(answer))


@pytest.mark.parametrize("fields", [{"auth": encoded("alice:s3cret")}, {"identitytoken": "alice:s3cret"}])
def test_a_token_that_is_cut_is_asked_for_again(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path, fields: dict[str, str]
) -> None:
    with FaultProxy(with_tokens.host) as proxy, FaultProxy(tokens.realm.split("/")[2]) as way:
        challenge = BEARER.format(realm=f"{way.url}/token").replace('"x"', '"lab-registry"')
        proxy.add(Status(401, (("WWW-Authenticate", challenge),)), path="manifests/v1", times=1)
        way.add(cut_token, path="/token", times=2)
        log_in(home, proxy.host, **fields)
        resolve(store, f"{proxy.host}/priv/x:v1", job)
    assert len(way.requests) == 3


def test_an_identity_token_that_has_expired_says_how_to_log_in_again(
    store: Store, job: RecordingJob, proxy: FaultProxy, home: Path
) -> None:
    log_in(home, proxy.host, identitytoken="alice:s3cret")
    proxy.add(Status(400, body=b'{"error": "invalid_grant"}'), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(AuthNeeded, match="refuses the login from") as caught:
        resolve(store, f"{proxy.host}/lab/x:v1", job)
    assert f"docker login {proxy.host}" in (caught.value.hint or "")


@pytest.mark.parametrize("life", ["1e999", "-1e999", "Infinity", "NaN", "1" * 400, "-5", '"90"'])
def test_a_life_of_a_token_may_be_nonsense(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, life: str
) -> None:
    token = tokens.answer({"scope": ["repository:pub/x:pull"]}, None)["token"]
    with FaultProxy(with_tokens.host) as proxy:
        proxy.add(Status(200, body=f'{{"token": "{token}", "expires_in": {life}}}'.encode()), path="/token")
        challenge = BEARER.format(realm=f"{proxy.url}/token")
        proxy.add(Status(401, (("WWW-Authenticate", challenge),)), path="manifests/v1", times=1)
        assert is_complete(store, pull(store, f"{proxy.host}/pub/x:v1", job))
        assert len(proxy.seen("/token")) == 1


def test_a_token_that_is_always_cut_is_an_error(store: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(cut_token, path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(RegistryError, match=f"asking {proxy.url}/token failed: the connection was cut"):
        resolve(store, f"{proxy.host}/lab/x:v1", job)


def test_a_huge_token_is_not_read_to_its_end(store: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Status(200, body=bytes(8 << 20)), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(RegistryError, match="more than 1 MiB"):
        resolve(store, f"{proxy.host}/lab/x:v1", job)


def test_all_names_of_this_machine_are_one_host(store: Store, job: RecordingJob, proxy: FaultProxy) -> None:
    proxy.add(Status(200, body=b'{"token": "t"}'), path="/token")
    refuse(proxy, BEARER.format(realm=f"{proxy.url}/token"))
    with pytest.raises(AuthNeeded):
        resolve(store, f"{proxy.host}/lab/x:v1".replace("127.0.0.1", "localhost"), job)
    assert [seen.path for seen in proxy.seen("/token")] == ["/token?service=x&scope=repository%3Alab%2Fx%3Apull"]


@pytest.mark.parametrize(
    ("realm", "said"),
    [
        ("https://localhost:1/token", "a private address"),
        ("https://127.0.0.1:1/token", "a private address"),
        ("https://10.1.2.3/token", "a private address"),
        ("https://10.1.2.3./token", "a private address"),
        ("https://100.64.0.1/token", "a private address"),
        ("https://127.1/token", "a private address"),
        ("https://0x7f000001/token", "a private address"),
        ("https://2130706433/token", "a private address"),
        ("https://017700000001/token", "a private address"),
        ("https://[::ffff:10.0.0.1]/token", "a private address"),
        ("https://LOCALHOST./token", "a private address"),
        ("https://foo.localhost/token", "a private address"),
        ("http://registry.example/token", "which is not https"),
        ("http://auth.example/token", "which is not https"),
    ],
)
def test_a_public_registry_may_not_send_logins_just_anywhere(realm: str, said: str) -> None:
    login = Login(Endpoint("https://registry.example", "x"), None, Transport(RegistrySettings(), Job()))
    challenge = parse_challenges([f'Bearer realm="{realm}"'])
    with pytest.raises(RegistryError, match=said):
        login.learn(challenge, "repository:x:pull", "", "x", is_first=True)


def test_a_registry_with_tls_may_not_send_logins_over_plain_http(
    store: Store, job: RecordingJob, with_tokens: Registry, tokens: TokenServer, home: Path, tmp_path: Path
) -> None:
    """The real registry's challenge names a token server without TLS."""
    authority = Authority(tmp_path)
    with FaultProxy(with_tokens.host, authority.server_certificate()) as secure:
        log_in(home, secure.host, identitytoken="alice:s3cret")
        with pytest.raises(RegistryError, match=f"sends logins to '{tokens.realm}', which is not https"):
            resolve(store, f"{secure.host}/priv/x:v1", job, ca_files=(str(authority.ca_file),))
    assert tokens.requests == []


def test_a_redirect_from_tls_to_plain_http_is_refused(
    store: Store, job: RecordingJob, registry: Registry, proxy: FaultProxy, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    registry.push(MADE, "lab/x:v1")
    with FaultProxy(registry.host, authority.server_certificate()) as secure:
        secure.add(Redirect(proxy.url), path="/blobs/")
        with pytest.raises(RegistryError, match=f"leads to plain http at {proxy.url}/v2/lab/x/blobs/"):
            pull(store, f"{secure.host}/lab/x:v1", job, ca_files=(str(authority.ca_file),))
    assert proxy.requests == []


def test_a_login_stays_behind_when_a_blob_is_somewhere_else(
    store: Store, job: RecordingJob, guarded: Registry, registry: Registry, home: Path
) -> None:
    registry.push(MADE, "lab/x:v1")
    with FaultProxy(guarded.host) as proxy, FaultProxy(registry.host) as storage:
        log_in(home, proxy.host, auth=encoded("alice:s3cret"))
        proxy.add(Redirect(storage.url), path="/blobs/")
        assert is_complete(store, pull(store, f"{proxy.host}/lab/x:v1", job))
        assert storage.requests
        assert not any(seen.authorized for seen in storage.requests)


def test_a_refusal_from_somewhere_else_is_not_answered_with_the_login(
    store: Store, job: RecordingJob, guarded: Registry, registry: Registry, home: Path
) -> None:
    with FaultProxy(guarded.host) as proxy, FaultProxy(registry.host) as storage:
        log_in(home, proxy.host, auth=encoded("alice:s3cret"))
        proxy.add(Redirect(storage.url), path="/blobs/")
        storage.add(Status(401, (("WWW-Authenticate", 'Basic realm="x"'),)))
        with pytest.raises(AuthNeeded):
            pull(store, f"{proxy.host}/lab/x:v1", job)
        assert not any(seen.authorized for seen in storage.requests)
