"""Cards that fail, lie and vanish: each is found, said clearly, and leaves nothing that looks finished."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from support.faulty_device import FaultyDevice, faulty_device
from support.loops import device_at, run
from support.maps import MIB, NOISE
from support.writes import job_that_acts

from lkboard.errors import Cancelled, DeviceError, OutputError, VerifyFailed
from lkboard.events import Job, Progress
from lkboard.model.extents import Extent, ExtentMap, Inline
from lkboard.targets.block import BlockTarget
from lkboard.targets.engine import write_image
from lkboard.targets.file import FileTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.device
SIZE = 8 * MIB
IMAGE = ExtentMap(tuple(Extent(offset * MIB, Inline(NOISE)) for offset in (0, 2, 4)), 6 * MIB)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[FaultyDevice]:
    with faulty_device(tmp_path, SIZE) as device:
        yield device


def _write(card: FaultyDevice, job: Job | None = None) -> str:
    return write_image(BlockTarget(device_at(card.path)), IMAGE, job or Job()).state


def _read(card: FaultyDevice) -> bytes:
    card.set_faults()
    return card.path.read_bytes()


def test_a_sound_card(card: FaultyDevice) -> None:
    assert _write(card) == "verified"
    assert _read(card) == NOISE * 3 + b"\xa5" * MIB + bytes(MIB)


@pytest.mark.parametrize(
    ("faults", "error", "message"),
    [
        ({"fail_write": [3 * MIB, "EIO"]}, DeviceError, f"cannot write at byte {3 * MIB}: Input/output error"),
        ({"fail_write": [0, "EIO"]}, DeviceError, "cannot write at byte 0"),
        ({"fail_read": [4 * MIB, "EIO"]}, DeviceError, f"cannot read at byte {4 * MIB}: Input/output error"),
        ({"fail_flush": True}, DeviceError, "cannot flush the device's cache: Input/output error"),
        ({"flip_write": 3 * MIB + 5}, VerifyFailed, f"between bytes {3 * MIB} and {4 * MIB}"),
        ({"flip_read": 2 * MIB}, VerifyFailed, f"between bytes {2 * MIB} and {3 * MIB}"),
        ({"flip_write": 77}, VerifyFailed, f"between bytes 0 and {MIB}"),
        ({"flip_write": 6 * MIB - 1}, VerifyFailed, f"between bytes {5 * MIB} and {6 * MIB}"),
        ({"wraps_at": 3 * MIB}, VerifyFailed, "what was read back is not what was written"),
        ({"drop_from": 4 * MIB}, VerifyFailed, f"between bytes {4 * MIB} and {5 * MIB}"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_fault_is_found_and_named(
    card: FaultyDevice, faults: dict[str, object], error: type[DeviceError], message: str
) -> None:
    card.set_faults(**faults)
    with pytest.raises(error, match=message) as caught:
        _write(card)
    assert caught.type is error
    assert caught.value.where == str(card.path)


@pytest.mark.parametrize(
    "faults",
    [{"fail_write": [3 * MIB, "EIO"]}, {"fail_read": [4 * MIB, "EIO"]}, {"flip_write": 77}, {"drop_from": 4 * MIB}],
    ids="-".join,
)
def test_a_failed_card_has_no_head(card: FaultyDevice, faults: dict[str, object]) -> None:
    card.set_faults(**faults)
    with pytest.raises(DeviceError):
        _write(card)
    head = _read(card)[:MIB]
    # a card that flips a bit of what is written flips that of the zeros as well
    assert sum(head) <= 4


def test_a_card_that_is_pulled_out(card: FaultyDevice) -> None:
    with pytest.raises(DeviceError, match=r"cannot write at byte|cannot flush|not there any more"):
        _write(card, job_that_acts("Write", "started", card.pull_out))


def test_a_card_that_is_pulled_out_while_it_is_read_back(card: FaultyDevice) -> None:
    with pytest.raises(DeviceError, match="cannot read at byte"):
        _write(card, job_that_acts("Verify", "started", card.pull_out))


def test_a_slow_card_can_be_stopped(card: FaultyDevice) -> None:
    """At 50 ms for a request of the kernel, the whole image would take seconds."""

    def slow_down_then_stop() -> None:
        card.set_faults(delay=0.05)
        threading.Timer(0.1, job.cancel).start()

    job = job_that_acts("Write", "started", slow_down_then_stop)
    with pytest.raises(Cancelled):
        _write(card, job)


def test_progress_is_what_reached_the_card(card: FaultyDevice) -> None:
    """Direct writes: nothing is counted that only filled the page cache."""
    done: list[int] = []

    def listen(event: object) -> None:
        if isinstance(event, Progress) and event.step == "Write":
            done.append(event.done)

    card.set_faults(fail_write=[3 * MIB, "EIO"])
    with pytest.raises(DeviceError):
        _write(card, Job(listen, progress_interval=0))
    assert max(done) == 2 * MIB


def test_a_file_on_a_disk_that_loses_its_cache_gets_no_name(tmp_path: Path) -> None:
    """What only reached the page cache can be read back all the same; that it is on the disk only fsync(2) tells."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "place").mkdir()
    with faulty_device(tmp_path / "disk", 32 * MIB) as disk:
        run("mkfs.ext4", "-q", str(disk.path))
        run("mount", str(disk.path), str(tmp_path / "place"))
        try:
            job = job_that_acts("Write", "done", lambda: disk.set_faults(fail_flush=True))
            with pytest.raises(OutputError, match="cannot write the file: Input/output error"):
                write_image(FileTarget(tmp_path / "place" / "out"), IMAGE, job)
            assert not (tmp_path / "place" / "out").exists()
        finally:
            disk.set_faults()
            run("umount", str(tmp_path / "place"))
