"""Several processes at one store, and processes that die or run out of disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.faults import FaultProxy, Hang
from support.images import file as a_file
from support.images import image, layer, noise, raw_layer
from support.processes import ENVIRONMENT, run_python
from support.pulls import is_complete, pull
from support.small_disk import small_disk
from support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

BIG = raw_layer(noise(6_000_000, "processes"), compression="none")
IMAGE = image(layer(a_file("small")), BIG)

PULL = """
import signal, sys
from pathlib import Path
from lkboard.errors import LkboardError
from lkboard.events import Job
from lkboard.oci.store.store import Store
from support.pulls import pull
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
try:
    pull(Store(Path(sys.argv[1])), sys.argv[2], Job())
except LkboardError as error:
    print(type(error).__name__, error)
else:
    print("done")
"""


@pytest.fixture
def name(proxy: FaultProxy, registry: Registry) -> str:
    registry.push(IMAGE, "processes/big:v1")
    return f"{proxy.host}/processes/big:v1"


def start(store: Store, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PULL, str(store.root), name],
        env={**ENVIRONMENT, "HOME": os.environ["HOME"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_processes_that_want_the_same_blob_fetch_it_once(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    hang = Hang()
    proxy.add(hang, path=BIG.digest, times=1)
    with start(store, name) as first:
        assert hang.has_come.wait(PATIENCE)
        with start(store, name) as second:
            hang.release.set()
            assert second.communicate(timeout=PATIENCE)[0] == "done\n"
        assert first.communicate(timeout=PATIENCE)[0] == "done\n"
    assert len(proxy.seen(BIG.digest)) == 1
    assert is_complete(store, pull(store, name, job))


def test_a_killed_pull_is_continued_by_the_next(store: Store, job: RecordingJob, proxy: FaultProxy, name: str) -> None:
    hang = Hang(after=3_000_000)
    proxy.add(hang, path=BIG.digest, times=1)
    with start(store, name) as first:
        assert hang.has_come.wait(PATIENCE)
        _wait_for_partial(store)
        first.send_signal(signal.SIGKILL)
    hang.release.set()
    assert not store.has(BIG.digest)
    assert is_complete(store, pull(store, name, job))
    begin, resumed = [seen.range for seen in proxy.seen(BIG.digest)]
    assert begin == ""
    assert int(resumed.removeprefix("bytes=").partition("-")[0]) >= 1_000_000


def _wait_for_partial(store: Store) -> None:
    """Wait until a million bytes of the blob are in the store: the kernel's write is what the test needs to see."""
    data = store.root / ".lkboard" / "ingest" / BIG.digest.replace(":", "-") / "data"
    wait_until(lambda: data.exists() and data.stat().st_size >= 1_000_000)


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("manifests/v1", -1),
        ("manifests/v1", 50),
        (f"(?!.*{BIG.digest})/blobs/", 10),
        (BIG.digest, -1),
        (BIG.digest, 99),
    ],
)
def test_a_store_is_usable_whenever_a_pull_was_killed(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str, path: str, after: int
) -> None:
    hang = Hang(after)
    proxy.add(hang, path=path, times=1)
    with start(store, name) as process:
        assert hang.has_come.wait(PATIENCE)
        process.kill()
    hang.release.set()
    assert is_complete(store, pull(store, name, job))
    assert all(store.is_sound(descriptor) for descriptor in store.names().values())


def test_ctrl_c_ends_a_pull_that_hangs(store: Store, proxy: FaultProxy, name: str) -> None:
    hang = Hang()
    proxy.add(hang, path="manifests")
    with start(store, name) as process:
        assert hang.has_come.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    hang.release.set()


def test_a_full_disk_is_a_clear_error_and_keeps_what_is_there(
    store: Store, job: RecordingJob, proxy: FaultProxy, name: str
) -> None:
    """A limit on the size of files stands in for the full disk: both fail in the middle of a write."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))\n"
    said = run_python(limit + PULL, store.root, name)
    assert said.startswith("StoreUnusable")
    assert "the disk is full" in said
    assert "--cache DIR" in said
    assert not store.has(BIG.digest)
    assert is_complete(store, pull(store, name, job))
    assert proxy.seen(BIG.digest)[-1].range.startswith("bytes=")


@pytest.mark.device
def test_a_full_file_system_is_a_clear_error(store: Store, name: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 5) as small:
        said = run_python(PULL, small / "store", name)
    assert said.startswith("StoreUnusable")
    assert "are free" in said
