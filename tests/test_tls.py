"""Which authorities a TLS context trusts."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import requests
from support.authority import Authority
from support.web import Answer, running_web_server

from lkboard.errors import TlsError
from lkboard.tls import TlsAdapter, tls_context

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the server."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no authorities."""
    for variable in (*VARIABLES, "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)


def count(*ca_files: str) -> int:
    return tls_context(ca_files).cert_store_stats()["x509_ca"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_environment_adds_to_the_systems_authorities(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    before = count()
    monkeypatch.setenv(variable, str(authority.ca_file))
    assert count() == before + 1


def test_given_files_add_to_them(authority: Authority, tmp_path: Path) -> None:
    assert count(str(authority.ca_file), str(Authority(tmp_path).ca_file)) == count() + 2


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_session_trusts_whom_its_context_trusts(authority: Authority, *, is_folder: bool) -> None:
    subprocess.run(["openssl", "rehash", authority.ca_file.parent], check=True, capture_output=True)
    named = authority.ca_file.parent if is_folder else authority.ca_file
    with (
        running_web_server(authority.server_certificate(), x=Answer(b"hello")) as server,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.mount("https://", TlsAdapter(tls_context([str(named)])))
        assert session.get(f"{server.url}/x", timeout=30).content == b"hello"
        session.mount("https://", TlsAdapter(tls_context()))
        with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
            session.get(f"{server.url}/x", timeout=30)


@pytest.mark.parametrize(
    ("text", "reason"), [("not PEM", "not a PEM file"), ("", "not a PEM file"), (None, "No such file or directory")]
)
def test_a_file_without_authorities_is_named(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TlsError, match=f"the certificates cannot be read: {reason}") as caught:
        tls_context([str(path)])
    assert caught.value.where == str(path)
    assert "openssl rehash" in (caught.value.hint or "")
