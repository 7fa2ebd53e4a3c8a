"""References of a config become digests side by side."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from support.faults import Answer, FaultProxy, Status
from support.waiting import PATIENCE

from lkboard.app.build import build
from lkboard.app.build_plan import BuildOptions
from lkboard.errors import NotFound
from lkboard.events import Job

if TYPE_CHECKING:
    from support.lab import Lab

pytestmark = pytest.mark.registry


def make(lab: Lab, proxy: FaultProxy) -> None:
    build(BuildOptions((str(lab.config(host=proxy.host)),), formats=("tar",), directory=str(lab.out)), Job())


def test_images_are_asked_for_at_the_same_time(lab: Lab, proxy: FaultProxy) -> None:
    """Neither of two answers comes before both are asked for."""
    both = threading.Barrier(2)

    def meet(answer: Answer) -> Answer:
        both.wait(PATIENCE)
        return answer

    for name in ("kernel", "init"):
        proxy.add(meet, path=f"{name}/manifests/v1", times=1)
    make(lab, proxy)
    assert not both.broken


def test_the_error_is_that_of_the_first_image(lab: Lab, proxy: FaultProxy) -> None:
    is_late = threading.Event()

    def wait(answer: Answer) -> Answer:
        assert is_late.wait(PATIENCE)
        return Status(404)(answer)

    def go(answer: Answer) -> Answer:
        is_late.set()
        return Status(404)(answer)

    proxy.add(wait, path="kernel/manifests/v1")
    proxy.add(go, path="web/manifests/v1")
    with pytest.raises(NotFound, match="lab/kernel:v1"):
        make(lab, proxy)
