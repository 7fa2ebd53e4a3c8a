"""Which devices are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.machines import FakeMachine

from lkboard.app.devices import list_devices

if TYPE_CHECKING:
    from pathlib import Path


def _machine(folder: Path) -> FakeMachine:
    machine = FakeMachine(folder)
    machine.disk("nvme0n1", "nvme")
    machine.partition("nvme0n1p1")
    machine.mount("nvme0n1p1", "/")
    machine.disk("sda", "usb", removable=True)
    machine.disk("sdb", "usb", 0, removable=True)
    machine.loop("loop0")
    return machine


def test_disks_with_a_medium_are_listed_each_with_its_verdict(tmp_path: Path) -> None:
    listed = list_devices(machine=_machine(tmp_path).machine)
    assert [(item.device.path, item.assessment.verdict) for item in listed] == [
        ("/dev/nvme0n1", "refused"),
        ("/dev/sda", "allowed"),
    ]


def test_all_are_listed_on_demand(tmp_path: Path) -> None:
    listed = list_devices(include_all=True, machine=_machine(tmp_path).machine)
    assert [item.device.path.removeprefix("/dev/") for item in listed] == [
        "loop0",
        "nvme0n1",
        "nvme0n1p1",
        "sda",
        "sdb",
    ]
