"""What long work uses is no garbage, however old it becomes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.processes import ENVIRONMENT

from lkboard.model.image import Descriptor
from lkboard.oci.store.garbage import DAY, HOUR, Retention, collect
from lkboard.oci.store.holds import HOLDS, held_since, hold

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

NOW = time.time()
HOLDER = """
import sys
from pathlib import Path
from lkboard.events import Job
from lkboard.oci.store.holds import hold
from lkboard.oci.store.store import Store
with hold(Store(Path(sys.argv[1])), Job()):
    print("held", flush=True)
    sys.stdin.read()
"""


def age(path: Path, seconds: float) -> Path:
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


def add(store: Store, data: bytes, seconds: float) -> str:
    """Store a blob that was last used some time ago."""
    digest = store.add(data)
    age(store.blob_path(digest), seconds)
    return digest


def only_hold(store: Store) -> Path:
    (folder,) = store.derived_dir(HOLDS).iterdir()
    return folder


def test_what_was_used_since_it_began_stays_and_what_was_before_goes(store: Store, job: RecordingJob) -> None:
    before, since = add(store, b"before", 5 * HOUR), add(store, b"since", 3 * HOUR)
    with hold(store, job):
        age(only_hold(store), 4 * HOUR)
        collect(store, Retention(), NOW, job)
        assert (store.has(before), store.has(since)) == (False, True)
    collect(store, Retention(), NOW, job)
    assert not store.has(since)


def test_what_is_used_again_is_held_as_well(store: Store, job: RecordingJob) -> None:
    digest = add(store, b"x", 5 * HOUR)
    with hold(store, job):
        age(only_hold(store), 3 * HOUR)
        assert store.is_sound(Descriptor("", digest, 1))
        age(store.blob_path(digest), 2 * HOUR)
        assert collect(store, Retention(), NOW, job) == ()
    assert store.has(digest)


def test_the_oldest_work_counts(store: Store, job: RecordingJob) -> None:
    digest = add(store, b"x", 3 * HOUR)
    with hold(store, job):
        age(only_hold(store), 4 * HOUR)
        with hold(store, job):
            assert held_since(store, job) == pytest.approx(NOW - 4 * HOUR)
            assert collect(store, Retention(), NOW, job) == ()
    assert store.has(digest)


def test_without_work_nothing_is_held(store: Store, job: RecordingJob) -> None:
    assert held_since(store, job) == math.inf
    with hold(store, job):
        pass
    assert held_since(store, job) == math.inf
    assert list(store.derived_dir(HOLDS).iterdir()) == []


@pytest.mark.parametrize("is_killed", [False, True])
def test_work_of_another_process_counts_until_it_ends_or_dies(store: Store, job: RecordingJob, is_killed: bool) -> None:
    digest = add(store, b"x", 3 * HOUR)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, store.root], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        age(only_hold(store), 4 * HOUR)
        assert collect(store, Retention(), NOW, job) == ()
        if is_killed:
            holder.kill()
    assert {item.kind for item in collect(store, Retention(), NOW, job)} >= {"blob"}
    assert not store.has(digest)


def test_what_killed_work_left_goes(store: Store, job: RecordingJob) -> None:
    left = store.derived_dir(HOLDS) / "new-left"
    left.mkdir()
    age(left, 2 * DAY)
    assert {item.path for item in collect(store, Retention(), NOW, job)} == {left}
