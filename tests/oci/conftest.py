"""A home without logins, and ways through a registry."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from support.faults import FaultProxy
from support.home import empty_home
from support.secrets import marks_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and an environment without logins, proxies and certificates."""
    return empty_home(tmp_path / "home", monkeypatch)


@pytest.fixture(autouse=True)
def nothing_secret_comes_out(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Search what a job has said, and every log, for the passwords and tokens of tests."""
    job: RecordingJob | None = request.getfixturevalue("job") if "job" in request.fixturenames else None
    with caplog.at_level(logging.INFO):
        yield
    assert marks_in(repr(job and job.events), caplog.text) == []


@pytest.fixture
def proxy(registry: Registry) -> Iterator[FaultProxy]:
    """A way to the registry that makes mistakes on request."""
    with FaultProxy(registry.host) as running:
        yield running
