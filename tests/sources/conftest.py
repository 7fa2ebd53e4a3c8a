"""Fixtures of the sources' tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from lkboard.oci.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")
