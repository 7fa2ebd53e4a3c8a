"""Configs at https addresses, whose servers an authority of our own vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.authority import Authority
from support.processes import lkboard
from support.web import Answer, WebServer, running_web_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = b"files: [{path: etc/motd, contents: hello}]\n"
VERBS = {
    "check": ("check",),
    "build": ("build", "--format", "tar", "--name", "x"),
    "dry run": ("build", "--dry-run"),
    "lock": ("lock", "-o", "x.lock"),
    "vendor": ("vendor", "vendored"),
    "explain": ("explain",),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the server."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[WebServer]:
    """A web server with a config."""
    with running_web_server(authority.server_certificate(), **{"x.yml": Answer(CONFIG)}) as running:
        yield running


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_reads_configs_trusts_the_given_authority(
    verb: str, server: WebServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *options = VERBS[verb]
    address = f"{server.url}/x.yml"
    words = [name, *([] if name == "vendor" else [address]), *options, *([address] if name == "vendor" else [])]
    environment = {"LKBOARD_CACHE": str(tmp_path / "cache")}
    refused = lkboard(*words, **environment)
    assert refused.returncode == 1
    assert "its certificate is not trusted: " in refused.stdout + refused.stderr
    done = lkboard(*words, "--cert-file", authority.ca_file, **environment)
    assert done.returncode == 0, done.stderr
