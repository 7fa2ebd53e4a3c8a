"""Fixtures of the kit's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.starter import starter_mirror

from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from support.mirror import Mirror


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """A mirror with stand-ins for all packages of the kit; tests leave it as it is."""
    return starter_mirror(tmp_path_factory.mktemp("starter"))
