"""The use case: plan, confirm, write."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.cards import card_image
from support.jobs import RecordingJob
from support.loops import attached, filled_file, run
from support.maps import MIB

from lkboard.app.write import WriteOptions, check_erase_id, confirmations, describe, plan_write, write
from lkboard.errors import OutputError, PermissionNeeded, SafetyRefused
from lkboard.model.device import Assessment, BlockDevice
from lkboard.model.target import WritePlan

if TYPE_CHECKING:
    from pathlib import Path

CARD_SIZE = 48 * MIB
STICK = BlockDevice("/dev/sdb", (8, 16), 32 << 30, "4C53", vendor="SanDisk", model="Ultra")
LARGE = Assessment("allowed", ("it is larger than 256 GB",))
PLAN = WritePlan("card.img", "/dev/sdb", 0, 0, device=STICK)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return card_image(tmp_path / "card.img")


def _options(source: Path, target: Path) -> WriteOptions:
    return WriteOptions(str(source), str(target), allow_loop=True, cache=str(target.parent / "cache"))


def test_the_plan_of_a_new_file(image: Path, tmp_path: Path) -> None:
    plan = plan_write(_options(image, tmp_path / "out.img"))
    assert (plan.target, plan.size_bytes, plan.replaces, plan.device) == (f"{tmp_path}/out.img", 40 * MIB, (), None)
    assert 2 * MIB < plan.mapped_bytes < 5 * MIB


def test_planning_changes_nothing(image: Path, tmp_path: Path) -> None:
    plan_write(_options(image, tmp_path / "out.img"))
    assert list(tmp_path.iterdir()) == [image]


def test_the_plan_names_the_file_behind_a_symlink(image: Path, tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    assert plan_write(_options(image, tmp_path / "link")).replaces == (f"{tmp_path}/real, a file of 3 B",)


def test_a_folder_that_is_not_there_is_made_by_the_hint(image: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no such folder") as caught:
        plan_write(replace(_options(image, tmp_path / "not there" / "out.img"), cache=str(tmp_path / "cache")))
    assert caught.value.hint == f"mkdir -p '{tmp_path / 'not there'}'"


def test_a_folder_that_vanished_since_the_plan(image: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    options = replace(_options(image, tmp_path / "folder" / "out.img"), cache=str(tmp_path / "cache"))
    plan = plan_write(options)
    (tmp_path / "folder").rmdir()
    with pytest.raises(OutputError, match="there is no such folder"):
        write(options, plan, RecordingJob())


def test_what_confirms_a_device() -> None:
    assert confirmations(STICK) == ("SanDisk Ultra", "Ultra", "4C53")
    assert confirmations(replace(STICK, vendor="", model="", id="")) == ("/dev/sdb",)


@pytest.mark.parametrize(
    ("plan", "lines"),
    [
        (WritePlan("card.img", "/out.img", 0, 0), ()),
        (
            WritePlan("card.img", "/out.img", 0, 0, ("/out.img, a file of 3 B",)),
            ("This will be replaced: /out.img, a file of 3 B",),
        ),
        (PLAN, ("Everything on /dev/sdb will be erased: SanDisk Ultra, 32.0 GiB, serial 4C53",)),
        (
            replace(PLAN, replaces=("/dev/sdb1  8.0 MiB  ext4  photos",), assessment=LARGE),
            (
                "Everything on /dev/sdb will be erased: SanDisk Ultra, 32.0 GiB, serial 4C53",
                "  /dev/sdb1  8.0 MiB  ext4  photos",
                "  note: it is larger than 256 GB",
            ),
        ),
        (
            replace(PLAN, device=BlockDevice("/dev/loop3", (7, 3), 32 << 20, "/dev/loop3", is_loop=True)),
            ("Everything on /dev/loop3 will be erased: /dev/loop3, 32.0 MiB",),
        ),
    ],
)
def test_what_is_lost_is_described(plan: WritePlan, lines: tuple[str, ...]) -> None:
    assert describe(plan) == lines


def test_the_right_id_passes() -> None:
    check_erase_id(PLAN, "4C53")
    check_erase_id(replace(PLAN, device=None), "")


@pytest.mark.parametrize(
    ("device", "given", "message"),
    [
        (STICK, "", "writing this device was not confirmed: SanDisk Ultra, 32.0 GiB"),
        (STICK, "4c53", "'4c53' is not the id of this device: SanDisk Ultra"),
        (STICK, "SanDisk Ultra", "is not the id of this device"),
        (replace(STICK, id=""), "", "the device has no serial number to confirm it by"),
        (replace(STICK, id=""), "x", "write it from a terminal"),
    ],
)
def test_another_id_does_not(device: BlockDevice, given: str, message: str) -> None:
    with pytest.raises(SafetyRefused, match=message):
        check_erase_id(replace(PLAN, device=device), given)


@pytest.mark.device
def test_the_plan_of_a_device(image: Path, tmp_path: Path) -> None:
    card = filled_file(tmp_path / "card", CARD_SIZE)
    with attached(card) as path:
        run("mkfs.ext4", "-q", "-L", "photos", str(path))
        plan = plan_write(_options(image, path))
    assert plan.device is not None
    assert (plan.device.path, plan.replaces) == (str(path), (f"{path}  48.0 MiB  ext4  photos",))
    assert plan.assessment is not None
    assert plan.assessment.reasons == ("it is a loop device",)


@pytest.mark.device
def test_a_card_that_was_exchanged_since_the_plan(image: Path, tmp_path: Path) -> None:
    card, other = filled_file(tmp_path / "card", CARD_SIZE), filled_file(tmp_path / "other", CARD_SIZE, b"\x11")
    with attached(card) as path:
        options = replace(_options(image, path), cache=str(tmp_path / "cache"))
        plan = plan_write(options)
        run("losetup", "--detach", str(path))
        run("losetup", str(path), str(other))
        with pytest.raises(SafetyRefused, match="not the chosen device any more: another medium"):
            write(options, plan, RecordingJob())
    assert other.read_bytes() == b"\x11" * CARD_SIZE


@pytest.mark.device
def test_a_card_that_was_mounted_since_the_plan(image: Path, tmp_path: Path) -> None:
    card = filled_file(tmp_path / "card", CARD_SIZE)
    (tmp_path / "place").mkdir()
    with attached(card) as path:
        run("mkfs.ext4", "-q", str(path))
        options = replace(_options(image, path), cache=str(tmp_path / "cache"))
        plan = plan_write(options)
        run("mount", str(path), str(tmp_path / "place"))
        try:
            with pytest.raises(SafetyRefused, match="is mounted at"):
                write(options, plan, RecordingJob())
        finally:
            run("umount", str(path))


@pytest.mark.device
def test_a_user_without_rights_is_told_before_anything_else(tmp_path: Path) -> None:
    with attached(filled_file(tmp_path / "card", CARD_SIZE)) as path:
        options = replace(_options(tmp_path / "x.yml", path), board="rpi3")
        os.seteuid(65534)
        try:
            with pytest.raises(
                PermissionNeeded, match=r"you may not write to this device \(run the command with sudo\)"
            ):
                plan_write(options)
        finally:
            os.seteuid(0)
