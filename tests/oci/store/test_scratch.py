"""Folders for the time of a run."""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

import pytest
from support.jobs import RecordingJob

from lkboard.errors import StoreUnusable
from lkboard.events import Cancelled, Job
from lkboard.oci.store.scratch import scratch_folder

if TYPE_CHECKING:
    from pathlib import Path


class ImpatientJob(RecordingJob):
    """A job that its user stops as soon as it has to wait."""

    def wait(self, seconds: float) -> None:
        self.cancel()
        super().wait(seconds)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def test_it_is_removed_at_the_end(parent: Path, job: RecordingJob) -> None:
    with scratch_folder(parent, job) as scratch:
        (scratch / "image").write_bytes(b"data")
    assert list(parent.iterdir()) == []


def test_it_is_removed_after_an_error(parent: Path, job: RecordingJob) -> None:
    with pytest.raises(ValueError, match="x"), scratch_folder(parent, job):
        raise ValueError("x")
    assert list(parent.iterdir()) == []


def test_what_a_killed_run_left_is_removed(parent: Path, job: RecordingJob) -> None:
    (parent / "left").mkdir()
    (parent / "left" / "image").write_bytes(b"data")
    with scratch_folder(parent, job) as scratch:
        assert list(parent.iterdir()) == [scratch]


def test_what_another_run_uses_stays(parent: Path, job: RecordingJob) -> None:
    with scratch_folder(parent, job) as first, scratch_folder(parent, job) as second:
        assert sorted(parent.iterdir()) == sorted((first, second))


def test_nobody_else_can_lock_it(parent: Path, job: RecordingJob) -> None:
    with scratch_folder(parent, job) as scratch:
        descriptor = os.open(scratch, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


@pytest.fixture
def busy(parent: Path) -> int:
    """The folder of scratch folders, while another run looks through it."""
    descriptor = os.open(parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_ctrl_c_ends_the_wait_for_another_run(parent: Path, busy: int) -> None:
    with pytest.raises(Cancelled), scratch_folder(parent, ImpatientJob()):
        raise AssertionError
    os.close(busy)
    assert list(parent.iterdir()) == []


def test_the_wait_for_another_run_ends_with_it(parent: Path, busy: int) -> None:
    done = threading.Thread(target=os.close, args=(busy,))
    done.start()
    with scratch_folder(parent, Job()) as scratch:
        assert scratch.is_dir()
    done.join()


def test_a_place_that_is_no_folder_is_told(parent: Path, job: RecordingJob) -> None:
    (parent / "file").touch()
    with pytest.raises(StoreUnusable), scratch_folder(parent / "file" / "x", job):
        raise AssertionError
