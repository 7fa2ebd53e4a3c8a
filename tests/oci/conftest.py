"""A home without logins, and ways through a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.faults import FaultProxy
from support.home import empty_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.registry import Registry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and an environment without logins, proxies and certificates."""
    return empty_home(tmp_path / "home", monkeypatch)


@pytest.fixture
def proxy(registry: Registry) -> Iterator[FaultProxy]:
    """A way to the registry that makes mistakes on request."""
    with FaultProxy(registry.host) as running:
        yield running
