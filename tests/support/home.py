"""A home without logins, caches and settings of the person who runs the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.processes import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_FOREIGN = (
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "LKBOARD_REGISTRY_AUTH",
    "LKBOARD_CACHE",
    "LKBOARD_OFFLINE",
    "XDG_RUNTIME_DIR",
)
_FOREIGN += ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy")
_FOREIGN += ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "LINUXKIT_MIRROR")
_FOREIGN += ("CONTAINERS_REGISTRIES_CONF", "CURL_CA_BUNDLE", "SSL_CERT_DIR")


def empty_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty home, for this process and those of `support.processes`, without logins and certificates."""
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setitem(ENVIRONMENT, "HOME", str(folder))
    for name in _FOREIGN:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delitem(ENVIRONMENT, name, raising=False)
    return folder
