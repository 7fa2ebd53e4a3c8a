"""Trouble that passes is survived whichever request it hits: a table of all faults by all kinds of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest
from support.faults import Answer, FaultProxy, Header, Status
from support.images import file as a_file
from support.images import image, layer, multi_arch, noise, write_layout
from support.pulls import is_complete, log_in, pull, settings_of
from support.registry import TokenServer, running_registry

from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.faults import Fault
    from support.jobs import RecordingJob
    from support.registry import Registry

pytestmark = pytest.mark.registry

PART = layer(a_file("large", noise(300_000, "every request")))
PULLED = multi_arch("every request")


def hang_up(_answer: Answer) -> NoReturn:
    """Close the connection without an answer, though the registry has done what was asked."""
    raise ConnectionAbortedError


FAULTS: dict[str, Fault] = {
    "429": Status(429),
    "429 with a time": Status(429, (("Retry-After", "3"),)),
    "503": Status(503),
    "500": Status(500),
    "408": Status(408),
    "no answer": hang_up,
}
PULLING = {
    "tag": ("GET", "/manifests/v1$"),
    "manifest": ("GET", "/manifests/sha256:"),
    "blob": ("GET", "/blobs/"),
}
PUSHING = {
    "question": ("HEAD", "/blobs/"),
    "beginning": ("POST", "/blobs/uploads/"),
    "piece": ("PATCH", "/blobs/uploads/"),
    "end": ("PUT", "/blobs/uploads/"),
    "name": ("PUT", "/manifests/"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("request_", PULLING)
def test_a_pull(
    store: Store, job: RecordingJob, registry: Registry, proxy: FaultProxy, request_: str, fault: str
) -> None:
    name = registry.push(PULLED, "every/x:v1").replace(registry.host, proxy.host)
    method, path = PULLING[request_]
    proxy.add(FAULTS[fault], method=method, path=path, times=2)
    assert is_complete(store, pull(store, name, job))
    assert len(proxy.seen(path, method)) >= 3


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("request_", PUSHING)
def test_a_push(
    tmp_path: Path, job: RecordingJob, registry: Registry, proxy: FaultProxy, request_: str, fault: str
) -> None:
    made = image(PART, layer(a_file("own", f"{request_} {fault}".encode())))
    full, other = Store(write_layout(tmp_path / "full", {"x": made})), Store(tmp_path / "other")
    path = f"every/{request_}-{fault.replace(' ', '-')}"
    proxy.add(FAULTS[fault], method=PUSHING[request_][0], path=PUSHING[request_][1], times=2)
    settings = settings_of(whole_upload=1000, upload_piece=100_000)
    push(full, {"x": parse_reference(f"{proxy.host}/{path}:v1")}, settings, job)
    assert is_complete(other, pull(other, f"{registry.host}/{path}:v1", job))
    assert len(proxy.seen(PUSHING[request_][1], PUSHING[request_][0])) >= 3


@pytest.fixture(scope="module")
def token_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens"), {"alice": "s3cret"}) as running:
        yield running


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory: pytest.TempPathFactory, token_server: TokenServer) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("with-tokens"), tokens=token_server) as running:
        running.push(PULLED, "priv/x:v1")
        yield running


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token(
    store: Store,
    job: RecordingJob,
    home: Path,
    token_server: TokenServer,
    with_tokens: Registry,
    method: str,
    fault: str,
) -> None:
    """By GET with a password, by POST for an identity token."""
    with FaultProxy(with_tokens.host) as proxy, FaultProxy(token_server.realm.split("/")[2]) as service:
        challenge = f'Bearer realm="{service.url}/token",service="{token_server.service}"'
        proxy.add(Header("WWW-Authenticate", challenge))
        login = {"identitytoken": "alice:s3cret"} if method == "POST" else {"username": "alice", "password": "s3cret"}
        log_in(home, proxy.host, **login)
        service.add(FAULTS[fault], method=method, times=2)
        assert is_complete(store, pull(store, f"{proxy.host}/priv/x:v1", job))
        assert len(service.seen("/token", method)) >= 3
