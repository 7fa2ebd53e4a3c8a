"""Fixtures that every room may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from support.jobs import RecordingJob
from support.registry import Registry, running_registry

from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# how long an example takes on a busy machine says nothing about the code
settings.register_profile("lkboard", deadline=None)
settings.load_profile("lkboard")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run the tests marked nightly as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--nightly"):
        return
    left_out = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real registry, plain http on loopback, shared by all tests: give images names of your own."""
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def job() -> RecordingJob:
    """A job whose events can be looked at."""
    return RecordingJob()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")
