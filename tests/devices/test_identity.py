"""Is it still the chosen device?"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.loops import attached, device_at, run, sparse_file

from lkboard.devices.identity import check_open, check_same, differences
from lkboard.errors import SafetyRefused
from lkboard.model.device import BlockDevice

if TYPE_CHECKING:
    from pathlib import Path

STICK = BlockDevice(
    path="/dev/sdb", number=(8, 16), size_bytes=32 * 10**9, id="4C53", diskseq=4, location="/devices/usb1/1-2/block/sdb"
)


def test_the_same_device_has_no_differences() -> None:
    assert differences(STICK, replace(STICK, mounts=(), model="read again")) == ()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"number": (8, 32)}, "device number"),
        ({"id": "OTHER"}, "serial number (was 4C53, is OTHER)"),
        ({"size_bytes": 1}, "size"),
        ({"location": "/devices/usb1/1-3/block/sdb"}, "place where it is plugged in"),
        ({"diskseq": 5}, "medium (was 4, is 5)"),
    ],
)
def test_a_change_is_named(change: dict[str, object], what: str) -> None:
    (found,) = differences(STICK, replace(STICK, **change))
    assert found.startswith(what)


def test_a_change_is_refused() -> None:
    with pytest.raises(SafetyRefused, match="/dev/sdb: this is not the chosen device any more: another medium"):
        check_same(STICK, replace(STICK, diskseq=5))


@pytest.mark.device
def test_an_open_descriptor_is_recognised(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "card", 8 << 20)) as path:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            check_open(descriptor, device_at(path))
        finally:
            os.close(descriptor)


@pytest.mark.device
def test_a_medium_that_was_exchanged_behind_the_path(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "first", 8 << 20)) as path:
        chosen = device_at(path)
        run("losetup", "--detach", str(path))
        run("losetup", str(path), str(sparse_file(tmp_path / "second", 8 << 20)))
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with pytest.raises(SafetyRefused, match="another device or medium"):
                check_open(descriptor, chosen)
        finally:
            os.close(descriptor)
        assert differences(chosen, device_at(path))


@pytest.mark.device
@pytest.mark.parametrize("change", [{"number": (7, 250)}, {"size_bytes": 512}, {"diskseq": 1}])
def test_a_descriptor_of_another_device(tmp_path: Path, change: dict[str, object]) -> None:
    with attached(sparse_file(tmp_path / "card", 8 << 20)) as path:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with pytest.raises(SafetyRefused):
                check_open(descriptor, replace(device_at(path), **change))
        finally:
            os.close(descriptor)
