"""Processes that share a store, that die in it, and that clean it up under the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import dying_puller
from support.faults import FaultProxy, Hang
from support.images import file as a_file
from support.images import image, index, layer, noise, raw_layer, write_layout
from support.processes import ENVIRONMENT, run_python
from support.pulls import is_complete, pull, resolve
from support.small_disk import small_disk
from support.waiting import PATIENCE

from lkboard.errors import StoreUnusable
from lkboard.oci.archives.importing import import_archive
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.oci.store.garbage import HOUR, Retention, collect
from lkboard.oci.store.store import Store
from lkboard.oci.store.verify import verify

if TYPE_CHECKING:
    from support.jobs import RecordingJob
    from support.registry import Registry

pytestmark = pytest.mark.registry

SMALL = layer(a_file("small", noise(50_000, "small")))
BIG = raw_layer(noise(3_000_000, "sharing"), compression="none")
OTHER = raw_layer(noise(1_000_000, "other"), compression="none")
MANY = index(
    [
        image(*(raw_layer(noise(size, f"many {size}"), compression="none") for size in (900_000, 300_000, 1000))),
        image(SMALL, architecture="arm64"),
    ]
)

PULL = """
import sys
from pathlib import Path
from lkboard.events import Job
from lkboard.oci.store.store import Store
from support.pulls import pull
pull(Store(Path(sys.argv[1])), sys.argv[2], Job())
print("done")
"""


@pytest.fixture
def names(proxy: FaultProxy, registry: Registry) -> tuple[str, str]:
    """Two images that share nothing but a small layer; the first one hangs at its large one."""
    registry.push(image(SMALL, BIG), "sharing/big:v1")
    registry.push(image(SMALL, OTHER), "sharing/other:v1")
    return f"{proxy.host}/sharing/big:v1", f"{proxy.host}/sharing/other:v1"


def start(store: Store, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PULL, str(store.root), name],
        env={**ENVIRONMENT, "HOME": os.environ["HOME"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_nobody_waits_for_the_download_of_another_blob(store: Store, proxy: FaultProxy, names: tuple[str, str]) -> None:
    """The second process comes through while the first one still hangs."""
    hang = Hang()
    proxy.add(hang, path=BIG.digest, times=1)
    with start(store, names[0]) as first:
        assert hang.has_come.wait(PATIENCE)
        with start(store, names[1]) as second:
            assert second.communicate(timeout=PATIENCE)[0] == "done\n"
        assert first.poll() is None
        hang.release.set()
        assert first.communicate(timeout=PATIENCE)[0] == "done\n"
    assert len(proxy.seen(SMALL.digest)) == 1


def test_garbage_collection_during_a_pull_takes_nothing_from_it(
    store: Store, job: RecordingJob, proxy: FaultProxy, names: tuple[str, str]
) -> None:
    """A layer is there from earlier times, without a name; the pull finds it and relies on it."""
    pull(store, names[1], job)
    store.forget(names[1], job)
    long_ago = time.time() - 2 * HOUR
    for path in (store.root / "blobs" / "sha256").iterdir():
        os.utime(path, (long_ago, long_ago))
    hang = Hang(after=1_000_000)
    proxy.add(hang, path=BIG.digest, times=1)
    with start(store, names[0]) as process:
        assert hang.has_come.wait(PATIENCE)
        removed = collect(store, Retention(), time.time(), job)
        hang.release.set()
        assert process.communicate(timeout=PATIENCE)[0] == "done\n"
    assert {item.path for item in removed if item.kind == "blob"} >= {store.blob_path(OTHER.digest)}
    assert is_complete(store, resolve(store, names[0], job))
    assert len(proxy.seen(SMALL.digest)) == 1
    assert verify(store, job).damaged == ()


def test_what_a_killed_pull_left_is_garbage_after_a_week(
    store: Store, job: RecordingJob, proxy: FaultProxy, names: tuple[str, str]
) -> None:
    hang = Hang(after=2_000_000)
    proxy.add(hang, path=BIG.digest, times=1)
    with start(store, names[0]) as process:
        assert hang.has_come.wait(PATIENCE)
        process.send_signal(signal.SIGKILL)
    hang.release.set()
    removed = collect(store, Retention(), time.time() + 8 * 24 * HOUR, job)
    assert BIG.digest.replace(":", "-") in {item.path.name for item in removed if item.kind == "partial"}
    assert list(store.derived_dir("ingest").iterdir()) == []
    assert is_complete(store, pull(store, names[0], job))


@pytest.mark.parametrize("kills", [60, pytest.param(200, marks=pytest.mark.nightly)])
def test_a_store_is_sound_whenever_a_pull_was_killed(store: Store, registry: Registry, kills: int) -> None:
    name = registry.push(MANY, "sharing/many:v1")
    program = Path(dying_puller.__file__)
    done = subprocess.run(
        [sys.executable, str(program), str(store.root), name, str(kills), "20261121"],
        env={**ENVIRONMENT, "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{kills} killed"), done.stdout


IMPORT = """
import resource, sys
from pathlib import Path
from lkboard.errors import LkboardError
from lkboard.events import Job
from lkboard.oci.archives.importing import import_archive
from lkboard.oci.store.store import Store
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    import_archive(Store(Path(sys.argv[1])), Path(sys.argv[2]), Job())
except LkboardError as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_stops_an_import_and_spoils_nothing(store: Store, job: RecordingJob, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk: both fail in the middle of a write."""
    made = image(SMALL, BIG)
    layout = write_layout(tmp_path / "layout", {"docker.io/lab/x:v1": made})
    said = run_python(IMPORT, store.root, layout)
    assert said.startswith("StoreUnusable")
    assert "the disk is full" in said
    assert store.names() == {}
    assert verify(store, job).damaged == ()
    assert import_archive(store, layout, job) == ("docker.io/lab/x:v1",)
    assert verify(store, job).files == len(made.blobs)


@pytest.mark.device
def test_a_full_disk_stops_unpacking_and_spoils_nothing(tmp_path: Path, job: RecordingJob) -> None:
    large = image(layer(a_file("zeros", bytes(8_000_000))))
    with small_disk(tmp_path / "small", 4) as folder:
        store = Store(write_layout(folder / "store", {"docker.io/lab/x:v1": large}))
        with pytest.raises(StoreUnusable, match="the disk is full"):
            unpack_layers([resolve(store, "docker.io/lab/x:v1", job)], store, job)
        assert list(store.derived_dir("layers").iterdir()) == []
        assert verify(store, job).damaged == ()
        store.set_name("docker.io/lab/y:v1", store.names()["docker.io/lab/x:v1"])
