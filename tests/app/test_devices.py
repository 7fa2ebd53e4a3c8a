"""Which devices are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.loops import attached, sparse_file
from support.maps import MIB

from lkboard.app.devices import list_devices
from lkboard.model.device import Assessment

if TYPE_CHECKING:
    from pathlib import Path


def test_only_disks_with_a_medium_are_listed() -> None:
    every = [item.device for item in list_devices(include_all=True)]
    assert [item.device.path for item in list_devices()] == [disk.path for disk in every if disk.is_disk_with_medium]


@pytest.mark.device
def test_all_are_listed_on_demand_each_with_its_verdict(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "card", 8 * MIB)) as path:
        verdicts = {item.device.path: item.assessment for item in list_devices(include_all=True)}
        listed = {item.device.path for item in list_devices()}
    assert verdicts[str(path)] == Assessment("needs_override", ("it is a loop device",), "--allow-loop")
    assert str(path) not in listed
