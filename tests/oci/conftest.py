"""A home without logins, and ways through a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.faults import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.registry import Registry

_FOREIGN = ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "LKBOARD_REGISTRY_AUTH", "LKBOARD_CACHE", "XDG_RUNTIME_DIR")
_FOREIGN += ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy")
_FOREIGN += ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and an environment without logins, proxies and certificates."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in _FOREIGN:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def proxy(registry: Registry) -> Iterator[FaultProxy]:
    """A way to the registry that makes mistakes on request."""
    with FaultProxy(registry.host) as running:
        yield running
