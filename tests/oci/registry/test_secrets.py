"""Secrets stay out of errors, events, logs and the store: everything that comes out is searched for them."""

from __future__ import annotations

import base64
import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from support.faults import Body, FaultProxy, Redirect, Status
from support.images import multi_arch
from support.pulls import log_in, pull
from support.registry import Registry, TokenServer, running_registry

from lkboard.errors import LkboardError

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

PASSWORD = "hunter2-PASSWORD"
SECRETS = (PASSWORD, base64.b64encode(f"alice:{PASSWORD}".encode()).decode(), "SIGNATURE", "eyJ")


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
    caught: BaseException | None = None
    with caplog.at_level(logging.INFO):
        try:
            pull(store, name, job)
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
        registry.push(multi_arch("secrets"), "lab/x:v1")
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
        registry.push(multi_arch("secrets"), "lab/x:v1")
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
    registry.push(multi_arch("secrets"), "secrets/x:v1")
    proxy.add(Status(307, (("Location", f"{proxy.url}/stored?X-Amz-Signature=SIGNATURE"),)), path="/blobs/")
    proxy.add(Status(status), path="/stored")
    text = run(store, f"{proxy.host}/secrets/x:v1", job, caplog)
    assert "/stored" in text
    assert "SIGNATURE" not in text
