"""A block device as a target, on loop devices: exclusive, byte for byte, blank unless finished."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.loops import add_partitions, attached, device_at, filled_file, partition, run, sparse_file
from support.maps import MIB, NOISE, Recipe
from support.writes import job_that_acts

from lkboard.errors import PermissionNeeded, SafetyRefused
from lkboard.events import Job
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline
from lkboard.targets.block import BlockTarget
from lkboard.targets.engine import write_image

if TYPE_CHECKING:
    from support.jobs import RecordingJob

pytestmark = pytest.mark.device
IMAGE = ExtentMap((Extent(0, Inline(NOISE)), Extent(4 * MIB, Inline(NOISE))), 7 * MIB)
SIZE = 10 * MIB
OLD = b"\xa5"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The file behind a used card."""
    return filled_file(tmp_path / "card", SIZE, OLD)


def _write(path: Path, image: ExtentMap = IMAGE, job: Job | None = None) -> str:
    return write_image(BlockTarget(device_at(path)), image, job or Job()).state


def _assert_blank(card: Path) -> None:
    """Nothing boots from it and no program takes it for a disk with contents."""
    data = card.read_bytes()
    assert not any(data[:MIB])
    assert not any(data[-MIB:])


def test_the_bytes_arrive_and_the_rest_is_left_alone(card: Path) -> None:
    with attached(card) as path:
        assert _write(path) == "verified"
    # the edges of the device are blanked; holes of the image keep what was there
    assert card.read_bytes() == NOISE + OLD * (2 * MIB) + NOISE + OLD * (3 * MIB) + bytes(MIB)


def test_zeros_of_the_map_are_written(card: Path, tmp_path: Path) -> None:
    recipe = Recipe((), SIZE)
    image = ExtentMap((Extent(0, FileSpan(str(sparse_file(tmp_path / "zeros", SIZE)), 0, SIZE)),), SIZE)
    with attached(card) as path:
        _write(path, image)
    assert card.read_bytes() == recipe.bytes()


def test_nobody_else_can_open_or_mount_it_meanwhile(card: Path, tmp_path: Path) -> None:
    seen: list[int | None] = []

    def try_to_open() -> None:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_EXCL))
        except OSError as error:
            seen.append(error.errno)

    with attached(card) as path:
        _write(path, IMAGE, job_that_acts("Write", "started", try_to_open))
    assert seen == [errno.EBUSY]


def test_a_mounted_device_is_refused_and_not_touched(tmp_path: Path) -> None:
    card = sparse_file(tmp_path / "card", SIZE)
    (tmp_path / "place").mkdir()
    with attached(card) as path:
        run("mkfs.ext4", "-q", str(path))
        run("mount", "-o", "ro", str(path), str(tmp_path / "place"))
        try:
            before = card.read_bytes()
            with pytest.raises(SafetyRefused, match="another program uses the device"):
                _write(path)
            assert card.read_bytes() == before
        finally:
            run("umount", str(path))


def test_a_device_with_a_mounted_partition_is_refused(tmp_path: Path) -> None:
    card = partition(sparse_file(tmp_path / "card", SIZE), "label: dos\nstart=2048, type=83\n")
    (tmp_path / "place").mkdir()
    with attached(card) as path:
        add_partitions(path)
        run("mkfs.ext4", "-q", f"{path}p1")
        run("mount", f"{path}p1", str(tmp_path / "place"))
        try:
            with pytest.raises(SafetyRefused, match="another program uses the device or one of its partitions"):
                _write(path)
        finally:
            run("umount", f"{path}p1")


def test_another_medium_at_the_same_path_is_refused_and_not_touched(card: Path, tmp_path: Path) -> None:
    with attached(card) as path:
        chosen = device_at(path)
        run("losetup", "--detach", str(path))
        other = filled_file(tmp_path / "other", SIZE, b"\x11")
        run("losetup", str(path), str(other))
        with pytest.raises(SafetyRefused, match="another device or medium is at this path now"):
            write_image(BlockTarget(chosen), IMAGE, Job())
    assert other.read_bytes() == b"\x11" * SIZE


def test_an_image_that_does_not_fit_is_refused_and_nothing_touched(card: Path, job: RecordingJob) -> None:
    with attached(card) as path, pytest.raises(SafetyRefused, match="smaller than the image"):
        _write(path, ExtentMap((), SIZE + 512), job)
    assert card.read_bytes() == OLD * SIZE
    assert job.notes == []


@pytest.mark.parametrize("offset", [0, MIB - 4096, SIZE - MIB, SIZE - 4096])
def test_giving_up_blanks_an_edge_that_was_written(card: Path, offset: int) -> None:
    """A backup GPT alone makes a disk to Linux, as an old one in front would (ADR 9)."""
    with attached(card) as path:
        target = BlockTarget(device_at(path))
        target.prepare(SIZE)
        try:
            target.write(offset, memoryview(NOISE)[:4096])
            target.flush()
            assert target.abort() == f"{path} is unfinished and what it held is lost: write it again"
        finally:
            target.close()
    _assert_blank(card)


@pytest.mark.parametrize("sector_size", [512, 4096])
@pytest.mark.parametrize("image_size", [MIB + 512, MIB + 4096, 3 * MIB + 1, 5 * MIB - 4097])
def test_images_that_end_inside_a_sector(tmp_path: Path, sector_size: int, image_size: int) -> None:
    card = filled_file(tmp_path / "card", SIZE)
    source = tmp_path / "image"
    source.write_bytes((NOISE * 3)[:image_size])
    image = ExtentMap((Extent(0, FileSpan(str(source), 0, image_size)),), image_size)
    with attached(card, "--sector-size", str(sector_size)) as path:
        assert device_at(path).sector_size == sector_size
        assert _write(path, image) == "verified"
    data = card.read_bytes()
    end = -(-image_size // sector_size) * sector_size
    assert data[:end] == (NOISE * 3)[:image_size] + bytes(end - image_size)
    assert data[end : end + 4096] == OLD * 4096


@pytest.mark.parametrize("size", [512, 64 << 10, MIB, MIB + 512, 2 * MIB - 512, 2 * MIB])
def test_tiny_devices(tmp_path: Path, size: int) -> None:
    card = filled_file(tmp_path / "card", size)
    image = ExtentMap((Extent(0, Inline(NOISE[:size])),), size)
    with attached(card) as path:
        assert _write(path, image) == "verified"
    assert card.read_bytes() == NOISE[:size]


def test_a_driver_that_refuses_direct_writes_gets_buffered_ones(card: Path) -> None:
    with attached(card) as path:
        target = BlockTarget(device_at(path))
        target.prepare(SIZE)
        try:
            # direct output of the kernel wants aligned offsets: the same refusal as that of such a driver
            target.write(4096 + 100, memoryview(NOISE)[:512])
            target.flush()
            assert bytes(target.read(4096 + 100, 512)) == NOISE[:512]
        finally:
            target.close()


def test_direct_writes_do_not_fill_the_page_cache(card: Path) -> None:
    with attached(card) as path:
        target = BlockTarget(device_at(path))
        target.prepare(SIZE)
        try:
            flags = int(Path(f"/proc/self/fdinfo/{target._descriptor}").read_text().split("flags:\t")[1].split()[0], 8)
            assert flags & os.O_DIRECT
            assert flags & os.O_CLOEXEC
        finally:
            target.close()


def test_a_locked_device_is_refused_after_a_while(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    monkeypatch.setattr("lkboard.targets.block._LOCK_SECONDS", 0.05)
    with attached(card) as path:
        other = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(other, fcntl.LOCK_SH)
            with pytest.raises(SafetyRefused, match="another program has locked the device"):
                _write(path)
        finally:
            os.close(other)
    assert card.read_bytes() == OLD * SIZE


def test_a_user_without_rights_is_told_so(card: Path) -> None:
    with attached(card) as path:
        target = BlockTarget(device_at(path))
        os.seteuid(65534)
        try:
            with pytest.raises(PermissionNeeded, match="you may not write to this device") as caught:
                target.prepare(SIZE)
        finally:
            os.seteuid(0)
    assert caught.value.exit_status == 8
    assert card.read_bytes() == OLD * SIZE


def test_a_user_who_may_write_but_is_no_administrator(card: Path) -> None:
    """As in the group ``disk``: some requests to the kernel are refused, and the card is written all the same."""
    with attached(card) as path:
        target = BlockTarget(device_at(path))
        owner = path.stat().st_uid
        os.chown(path, 65534, -1)
        os.seteuid(65534)
        try:
            assert write_image(target, IMAGE, Job()).state == "verified"
        finally:
            os.seteuid(0)
            os.chown(path, owner, -1)
    assert card.read_bytes()[: 2 * MIB] == NOISE


def test_the_backup_of_an_older_gpt_is_gone(tmp_path: Path) -> None:
    card = partition(sparse_file(tmp_path / "card", SIZE), "label: gpt\nsize=4M\n")
    with attached(card) as path:
        _write(path, ExtentMap((Extent(0, Inline(NOISE)),), 2 * MIB))
    assert b"EFI PART" not in card.read_bytes()


def test_the_kernel_forgets_the_old_partitions(tmp_path: Path) -> None:
    """A kernel without that support does not look for new ones, but even it drops the old ones when it is asked to."""
    card = partition(sparse_file(tmp_path / "card", SIZE), "label: dos\nstart=2048, type=83\n")
    with attached(card, "--partscan") as path:
        add_partitions(path)
        shown = Path("/sys/class/block", path.name, f"{path.name}p1")
        assert shown.exists()
        _write(path)
        assert not shown.exists()


def test_reading_back_does_not_ask_the_page_cache(card: Path) -> None:
    """Where a driver refuses direct transfers, only a dropped cache shows what the card made of the bytes."""
    with attached(card) as path:
        target = BlockTarget(device_at(path))
        target.prepare(SIZE)
        try:
            target.write(4096 + 100, memoryview(NOISE)[:512])  # not aligned: from here on through the cache
            target.flush()
            with card.open("r+b") as file:
                file.seek(4096 + 100)
                file.write(b"other")
            assert bytes(target.read(4096 + 100, 5)) == b"other"
        finally:
            target.close()
