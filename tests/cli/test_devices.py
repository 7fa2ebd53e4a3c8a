"""``lkboard devices``. It looks at all devices and opens none for writing; the test judges its own loop device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.loops import attached, sparse_file
from support.maps import MIB
from support.processes import lkboard

from lkboard.app.devices import ListedDevice
from lkboard.cli.commands.devices import _text
from lkboard.model.device import Assessment, BlockDevice, Volume

if TYPE_CHECKING:
    from pathlib import Path

STICK = BlockDevice("/dev/sdb", (8, 16), 32 << 30, "4C53", vendor="SanDisk", model="Ultra", transport="usb")


@pytest.mark.device
def test_json_lines_have_facts_and_verdict(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "card", 8 * MIB)) as path:
        done = lkboard("devices", "--all", "--json")
        found = next(device for line in done.stdout.splitlines() if (device := json.loads(line))["path"] == str(path))
    assert (found["size_bytes"], found["id"]) == (8 * MIB, str(path))
    assert (found["verdict"], found["override"]) == ("needs_override", "--allow-loop")
    assert found["reasons"] == ["it is a loop device"]


@pytest.mark.device
def test_loop_devices_are_listed_on_demand_only(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "card", 8 * MIB)) as path:
        assert f"{path}  8.0 MiB" in lkboard("devices", "--all").stdout
        assert str(path) not in lkboard("devices").stdout


def test_a_device_that_can_be_written() -> None:
    assert _text(ListedDevice(STICK, Assessment("allowed"))) == (
        "/dev/sdb  32.0 GiB  SanDisk Ultra  usb  id 4C53  [can be written]"
    )


def test_reasons_and_contents_come_below() -> None:
    device = BlockDevice("/dev/sda", (8, 0), 0, "", contents=(Volume("/dev/sda1", MIB, "vfat", "BOOT"),))
    listed = ListedDevice(device, Assessment("needs_override", ("it is a built-in disk",), "--allow-fixed"))
    assert _text(listed) == (
        "/dev/sda  empty  [only with --allow-fixed]\n    it is a built-in disk\n    /dev/sda1  1.0 MiB  vfat  BOOT"
    )
