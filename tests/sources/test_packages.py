"""Debian packages through real apt, from a mirror of our own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.mirror import Mirror
from support.processes import ENVIRONMENT
from support.tools import need
from support.waiting import wait_until

from lkboard.disk.content import read
from lkboard.errors import BuildError, Cancelled, MissingTool, Offline
from lkboard.events import Job, Progress, Step
from lkboard.model.kit import shelf_name
from lkboard.oci.store.store import Store
from lkboard.sources.apt.packages import DebianPackages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.jobs import RecordingJob

_STOPPABLE = """
import signal, sys
from pathlib import Path
from lkboard.errors import Cancelled
from lkboard.events import Job
from lkboard.oci.store.store import Store
from lkboard.sources.apt.packages import DebianPackages

job, (store, host) = Job(), map(Path, sys.argv[1:])
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: job.cancel())
try:
    DebianPackages(Store(store), job, host=host).newest(["tool"], "amd64")
except Cancelled as error:
    sys.exit(error.exit_status)
"""


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """A mirror with two packages."""
    made = Mirror(tmp_path / "mirror")
    made.add("tool", "1.0-1", {"usr/bin/tool": b"one"})
    made.add("tool", "1.0-1", {"usr/bin/tool": b"arm"}, architecture="arm64")
    made.add("firmware", "2023", {"usr/lib/firmware/blob": b"blob"}, architecture="all", component="non-free-firmware")
    made.publish()
    return made


def packages(store: Store, mirror: Mirror, job: Job | None = None) -> DebianPackages:
    """Return what a new run would use."""
    return DebianPackages(store, job or Job(), host=mirror.host)


def test_the_newest_version_is_found(store: Store, mirror: Mirror) -> None:
    mirror.add("tool", "1.0-10", {"usr/bin/tool": b"ten"})
    mirror.add("tool", "1.0-9", {"usr/bin/tool": b"nine"})
    mirror.publish()
    (package,) = packages(store, mirror).newest(["tool"], "amd64")
    assert (package.name, package.version, package.architecture, package.suite) == (
        "tool",
        "1.0-10",
        "amd64",
        "bookworm/main",
    )


def test_a_package_is_fetched_and_opened(store: Store, mirror: Mirror) -> None:
    run = packages(store, mirror)
    (package,) = run.newest(["tool"], "arm64")
    run.fetch([package])
    assert read(run.open(package)["usr/bin/tool"].content) == b"arm"
    assert store.has(package.digest)


def test_firmware_for_all_architectures_counts_for_the_one_that_asks(store: Store, mirror: Mirror) -> None:
    (package,) = packages(store, mirror).newest(["firmware"], "arm64")
    assert (package.architecture, package.suite) == ("arm64", "bookworm/non-free-firmware")


def test_a_kernel_meta_package_leads_to_the_versioned_one(store: Store, mirror: Mirror) -> None:
    mirror.add("linux-image-amd64", "6.1.9-1", {}, depends="linux-image-6.1.0-9-amd64 (= 6.1.9-1)")
    mirror.add("linux-image-6.1.0-9-amd64", "6.1.9-1", {"boot/vmlinuz-6.1.0-9-amd64": b"kernel"}, depends="kmod")
    mirror.publish()
    names = [package.name for package in packages(store, mirror).newest(["tool", "linux-image-amd64"], "amd64")]
    assert names == ["tool", "linux-image-6.1.0-9-amd64"]


def test_an_ordinary_dependency_is_not_followed(store: Store, mirror: Mirror) -> None:
    mirror.add("linux-image-tools", "1", {}, depends="tool (= 1.0-1)")
    mirror.publish()
    assert packages(store, mirror).newest(["linux-image-tools"], "amd64")[0].name == "linux-image-tools"


def test_an_unknown_package_is_named(store: Store, mirror: Mirror) -> None:
    with pytest.raises(BuildError, match="no package 'toool' for amd64"):
        packages(store, mirror).newest(["tool", "toool"], "amd64")


def test_what_was_fetched_needs_no_mirror_again(store: Store, mirror: Mirror) -> None:
    run = packages(store, mirror)
    run.fetch(run.newest(["tool"], "amd64"))
    shutil.rmtree(mirror.root)
    later = packages(store, mirror)
    (package,) = later.stored("amd64")
    later.fetch([package])
    assert read(later.open(package)["usr/bin/tool"].content) == b"one"


def test_packages_of_several_runs_are_listed_in_their_order(store: Store, mirror: Mirror) -> None:
    for name in ("tool", "firmware", "tool"):
        run = packages(store, mirror)
        run.fetch(run.newest([name], "amd64"))
    assert [package.name for package in packages(store, mirror).stored("amd64")] == ["tool", "firmware"]
    assert packages(store, mirror).stored("arm64") == ()


def test_the_list_of_packages_is_an_artifact_that_others_can_read(store: Store, mirror: Mirror) -> None:
    need("skopeo")
    run = packages(store, mirror)
    run.fetch(run.newest(["tool"], "amd64"))
    command = ["skopeo", "inspect", "--raw", f"oci:{store.root}:{shelf_name('amd64')}"]
    manifest = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert manifest["layers"][0]["annotations"]["org.lkboard.debian.version"] == "1.0-1"


def test_a_package_that_was_stored_but_not_listed_gets_listed(store: Store, mirror: Mirror) -> None:
    run = packages(store, mirror)
    (package,) = run.newest(["tool"], "amd64")
    store.add_file(next(mirror.root.glob("pool/tool_*_amd64.deb")))
    run.fetch([package])
    assert packages(store, mirror).stored("amd64") == (package,)


def test_a_damaged_package_file_is_fetched_again(store: Store, mirror: Mirror) -> None:
    run = packages(store, mirror)
    (package,) = run.newest(["tool"], "amd64")
    run.fetch([package])
    blob = store.blob_path(package.digest)
    blob.chmod(0o644)
    blob.write_bytes(b"damaged")
    later = packages(store, mirror)
    later.fetch([package])
    assert read(later.open(package)["usr/bin/tool"].content) == b"one"


def test_a_version_that_left_the_mirror_is_a_clear_error(store: Store, mirror: Mirror) -> None:
    (package,) = packages(store, mirror).newest(["tool"], "amd64")
    mirror.drop("tool")
    mirror.add("tool", "2.0", {"usr/bin/tool": b"two"})
    mirror.publish()
    with pytest.raises(BuildError, match=r"cannot be fetched \(amd64\): .*1\.0-1.* was not found") as caught:
        packages(store, mirror).fetch([package])
    assert "make the lock anew" in str(caught.value.hint)


def test_a_file_that_differs_from_the_signed_list_is_refused(store: Store, mirror: Mirror) -> None:
    run = packages(store, mirror)
    (package,) = run.newest(["tool"], "amd64")
    path = next(mirror.root.glob("pool/tool_*_amd64.deb"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BuildError, match="cannot be fetched"):
        run.fetch([package])
    assert run.stored("amd64") == ()


def test_another_file_under_a_locked_version_is_refused(store: Store, mirror: Mirror) -> None:
    (package,) = packages(store, mirror).newest(["tool"], "amd64")
    mirror.drop("tool")
    mirror.add("tool", "1.0-1", {"usr/bin/tool": b"rebuilt"})
    mirror.publish()
    with pytest.raises(BuildError, match=rf"'tool' 1.0-1 is sha256:\w+, not {package.digest}"):
        packages(store, mirror).fetch([package])


def test_lists_signed_by_somebody_else_are_refused(store: Store, mirror: Mirror) -> None:
    release = mirror.root / "dists/bookworm/InRelease"
    release.write_text(release.read_text().replace("Origin: Debian", "Origin: Others"))
    with pytest.raises(BuildError, match="package lists cannot be fetched") as caught:
        packages(store, mirror).newest(["tool"], "amd64")
    assert "\n" not in str(caught.value)


def test_a_mirror_that_cannot_be_reached_is_one_clear_line(store: Store, mirror: Mirror) -> None:
    shutil.rmtree(mirror.root)
    with pytest.raises(BuildError, match=r"the package lists cannot be fetched \(amd64\): ") as caught:
        packages(store, mirror).newest(["tool"], "amd64")
    assert "\n" not in str(caught.value)
    assert "check the network" in str(caught.value.hint)


def test_without_apt_the_package_to_install_is_named(
    store: Store, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="'apt-get' is not installed"):
        packages(store, mirror).newest(["tool"], "amd64")


@pytest.mark.parametrize("name", ['a"b', "a\nb"])
def test_a_folder_that_apt_cannot_be_told_is_refused(tmp_path: Path, mirror: Mirror, name: str) -> None:
    with pytest.raises(BuildError, match=r"apt cannot work in a folder of this name \(use --cache DIR\)"):
        packages(Store(tmp_path / name), mirror).newest(["tool"], "amd64")


@pytest.fixture
def slow_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of apt-get that takes a minute; returned is the file that it writes its number to."""
    stand_in, started = tmp_path / "bin/apt-get", tmp_path / "started"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\necho $$ > {started}.new\nmv {started}.new {started}\nsleep 60\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent), prepend=":")
    return started


def test_a_cancelled_job_stops_apt(store: Store, mirror: Mirror, slow_apt: Path) -> None:
    class Stopped(Job):
        def check(self) -> None:
            if slow_apt.exists():
                self.cancel()
            super().check()

    with pytest.raises(Cancelled):
        packages(store, mirror, Stopped()).newest(["tool"], "amd64")
    assert not Path("/proc", slow_apt.read_text().strip()).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_keys_that_stop_us_do_not_make_apt_fail(
    store: Store, mirror: Mirror, slow_apt: Path, number: signal.Signals
) -> None:
    ours = subprocess.Popen(
        [sys.executable, "-c", _STOPPABLE, store.root, mirror.host],
        env={**ENVIRONMENT, "PATH": os.environ["PATH"]},
        start_new_session=True,
    )
    wait_until(slow_apt.exists)
    os.killpg(ours.pid, number)  # as a terminal does
    assert ours.wait() == Cancelled.exit_status
    assert not Path("/proc", slow_apt.read_text().strip()).exists()


def test_steps_and_bytes_are_reported(store: Store, mirror: Mirror, job: RecordingJob) -> None:
    run = packages(store, mirror, job)
    run.fetch(run.newest(["tool"], "amd64"))
    done = [event.name for event in job.events if isinstance(event, Step) and event.state == "done"]
    assert done == ["Read Debian package lists (amd64)", "Fetch Debian packages (amd64)"]
    assert any(isinstance(event, Progress) and event.total for event in job.events)


def test_forgetting_removes_the_unpacked_form_only(store: Store, mirror: Mirror) -> None:
    run = packages(store, mirror)
    run.fetch(run.newest(["tool"], "amd64"))
    (package,) = run.stored("amd64")
    run.open(package)
    run.forget([package])
    assert list(store.derived_dir("packages").iterdir()) == []
    assert read(run.open(package)["usr/bin/tool"].content) == b"one"


def test_forgetting_leaves_what_another_run_made(store: Store, mirror: Mirror) -> None:
    run, other = packages(store, mirror), packages(store, mirror)
    run.fetch(run.newest(["tool"], "amd64"))
    (package,) = run.stored("amd64")
    content = other.open(package)["usr/bin/tool"].content
    run.open(package)
    run.forget([package])
    assert read(content) == b"one"


def _state(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in sorted(folder.rglob("*")):
        status = os.lstat(path)
        yield str(path), status.st_mtime_ns, status.st_size


def test_the_state_of_the_hosts_apt_stays_as_it_is(store: Store, mirror: Mirror) -> None:
    folders = [Path("/var/lib/apt"), Path("/var/cache/apt"), Path("/var/lib/dpkg")]
    before = [list(_state(folder)) for folder in folders]
    run = packages(store, mirror)
    run.fetch(run.newest(["tool"], "amd64"))
    assert [list(_state(folder)) for folder in folders] == before


def test_hooks_of_the_host_do_not_run(
    store: Store, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "hook-ran"
    config = tmp_path / "host.conf"
    config.write_text(
        f'APT::Update::Pre-Invoke {{"touch {marker}";}};\nAPT::Update::Post-Invoke {{"touch {marker}";}};\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(config))
    assert packages(store, mirror).newest(["tool"], "amd64")
    assert not marker.exists()


# without a network


def test_offline_packages_of_the_store_are_used(store: Store, mirror: Mirror) -> None:
    run = packages(store, mirror)
    wanted = run.newest(["tool"], "amd64")
    run.fetch(wanted)
    shutil.rmtree(mirror.host)
    offline = DebianPackages(store, Job(), host=mirror.host, offline=True)
    assert offline.stored("amd64") == wanted
    offline.fetch(wanted)
    assert read(offline.open(wanted[0])["usr/bin/tool"].content) == b"one"


def test_offline_the_mirrors_are_not_asked(store: Store, mirror: Mirror) -> None:
    offline = DebianPackages(store, Job(), host=mirror.host, offline=True)
    with pytest.raises(Offline, match="the Debian package 'tool' for arm64 is not in the store"):
        offline.newest(["tool"], "arm64")
    assert not list(store.root.rglob("lists"))


def test_offline_a_missing_file_of_a_package_is_named(store: Store, mirror: Mirror) -> None:
    wanted = packages(store, mirror).newest(["tool"], "amd64")
    with pytest.raises(Offline, match="the Debian package 'tool' for amd64 is not in the store"):
        DebianPackages(store, Job(), host=mirror.host, offline=True).fetch(wanted)
