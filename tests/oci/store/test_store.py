"""The store: what is in it, what other tools see of it, and what happens when it is damaged."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.images import REF_NAME, digest, dumps, multi_arch, write_layout
from support.processes import run_python
from support.tools import need
from support.waiting import PATIENCE

from lkboard.errors import Cancelled, StoreCorrupt, StoreUnusable
from lkboard.events import Job
from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.media_types import OCI_INDEX, OCI_MANIFEST
from lkboard.oci.store.store import Store, open_store

if TYPE_CHECKING:
    from support.jobs import RecordingJob

NAME = "docker.io/lab/x:v1"


def describe(data: bytes) -> Descriptor:
    return Descriptor("application/octet-stream", digest(data), len(data))


def change(path: Path, data: bytes) -> None:
    """Damage a blob as a bad disk would: the file stays the same file."""
    path.chmod(0o644)
    path.write_bytes(data)


def test_bytes_are_read_back(store: Store) -> None:
    store.add(b"hello")
    assert store.read(describe(b"hello")) == b"hello"


def test_a_blob_is_named_by_its_digest_and_read_only(store: Store) -> None:
    name = store.add(b"hello")
    path = store.root / "blobs" / "sha256" / name.removeprefix("sha256:")
    assert (name, path) == (digest(b"hello"), store.blob_path(name))
    assert path.stat().st_mode & 0o777 == 0o444


def test_another_algorithm_has_a_folder_of_its_own(store: Store) -> None:
    name = store.add(b"hello", "sha512")
    assert name.startswith("sha512:")
    assert store.blob_path(name).parent.name == "sha512"
    assert store.read(Descriptor("", name, 5)) == b"hello"


def test_a_file_is_stored(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(b"x" * 3_000_000)
    assert store.add_file(source) == (digest(b"x" * 3_000_000), 3_000_000)
    assert store.is_sound(describe(b"x" * 3_000_000))


def test_a_missing_file_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable) as caught:
        store.add_file(tmp_path / "nothing")
    assert "nothing" in str(caught.value)


def test_adding_twice_changes_nothing(store: Store) -> None:
    path = store.blob_path(store.add(b"hello"))
    before = path.stat()
    store.add(b"hello")
    assert path.stat() == before


def test_adding_mends_a_damaged_blob(store: Store) -> None:
    change(store.blob_path(store.add(b"hello")), b"jello")
    store.add(b"hello")
    assert store.read(describe(b"hello")) == b"hello"


def test_nothing_temporary_is_left(store: Store) -> None:
    store.add(b"hello")
    store.set_name(NAME, describe(b"hello"))
    assert list((store.root / ".lkboard" / "ingest").iterdir()) == []


def test_looking_at_a_store_does_not_make_one(store: Store) -> None:
    assert store.names() == {}
    assert store.find(NAME) is None
    assert not store.has(digest(b"x"))
    assert not store.is_sound(describe(b"x"))
    assert not store.root.exists()


def test_a_missing_blob_is_named(store: Store) -> None:
    with pytest.raises(StoreCorrupt) as caught:
        store.read(describe(b"x"))
    assert f"{digest(b'x')} is missing" in str(caught.value)


def test_a_damaged_blob_is_named_and_put_away(store: Store) -> None:
    name = store.add(b"hello")
    change(store.blob_path(name), b"jello")
    with pytest.raises(StoreCorrupt, match=f"{name} is damaged"):
        store.read(describe(b"hello"))
    assert not store.has(name)
    assert (store.root / ".lkboard" / "quarantine" / name.replace(":", "-")).read_bytes() == b"jello"


@pytest.mark.parametrize("data", [b"jello", b"hell", b"hello!", b""])
def test_damage_is_found_before_use(store: Store, data: bytes) -> None:
    change(store.blob_path(store.add(b"hello")), data)
    assert not store.is_sound(describe(b"hello"))


def test_a_blob_that_was_checked_is_not_read_again(store: Store) -> None:
    path = store.blob_path(store.add(b"hello"))
    status = path.stat()
    change(path, b"jello")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if it had not been touched
    assert store.is_sound(describe(b"hello"))


def test_a_blob_is_checked_again_when_its_file_has_changed(store: Store) -> None:
    path = store.blob_path(store.add(b"hello"))
    change(path, b"jello")
    os.utime(path, ns=(1, 1))
    assert not store.is_sound(describe(b"hello"))


def test_a_blob_is_checked_again_when_nobody_knows_about_it(store: Store) -> None:
    path = store.blob_path(store.add(b"hello"))
    status = path.stat()
    change(path, b"jello")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    shutil.rmtree(store.derived_dir("verified"))
    assert not store.is_sound(describe(b"hello"))


def test_checking_a_large_blob_can_be_cancelled(store: Store) -> None:
    path = store.blob_path(store.add(b"hello"))
    os.utime(path, ns=(1, 1))
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        store.is_sound(describe(b"hello"), job)


def test_a_blob_may_be_checked_though_nothing_seems_to_have_changed(store: Store) -> None:
    path = store.blob_path(store.add(b"hello"))
    status = path.stat()
    change(path, b"jello")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not store.is_sound(describe(b"hello"), recheck=True)


def test_a_store_of_another_tool_gets_names(store: Store) -> None:
    write_layout(store.root, {"foreign": multi_arch()})
    store.set_name(NAME, describe(b"x"))
    assert set(store.names()) == {"foreign", NAME}


def test_an_index_that_may_not_be_read_is_named(store: Store) -> None:
    (store.root / "index.json").mkdir(parents=True)
    with pytest.raises(StoreUnusable, match=r"index\.json"):
        store.names()


def test_names_are_kept(store: Store) -> None:
    store.set_name(NAME, Descriptor(OCI_MANIFEST, digest(b"x"), 1))
    store.set_name("docker.io/lab/y:v1", Descriptor(OCI_INDEX, digest(b"y"), 2))
    assert set(store.names()) == {NAME, "docker.io/lab/y:v1"}
    found = store.find(NAME)
    assert found
    assert (found.media_type, found.digest, found.size) == (OCI_MANIFEST, digest(b"x"), 1)


def test_a_name_moves_to_the_newer_image(store: Store) -> None:
    store.set_name(NAME, describe(b"old"))
    store.set_name(NAME, describe(b"new"))
    index = json.loads((store.root / "index.json").read_bytes())
    assert [entry["digest"] for entry in index["manifests"]] == [digest(b"new")]


def test_what_others_wrote_into_the_index_is_kept(store: Store) -> None:
    store.root.mkdir()
    foreign = {
        "mediaType": OCI_MANIFEST,
        "digest": digest(b"f"),
        "size": 1,
        "annotations": {"x": "y"},
        "future": {"a": 1},
    }
    (store.root / "index.json").write_bytes(dumps({"schemaVersion": 2, "manifests": [foreign], "other": 5}))
    store.set_name(NAME, describe(b"x"))
    index = json.loads((store.root / "index.json").read_bytes())
    assert index["manifests"][0] == foreign
    assert index["other"] == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"manifests": 5}',
        '{"manifests": [5]}',
        '{"manifests": [{"annotations": []}, {"annotations": 5}]}',
        f'{{"manifests": [{{"annotations": {{"{REF_NAME}": "x"}}}}]}}',
        pytest.param('{"manifests": ' + "[" * 100_000, id="nested"),
    ],
)
def test_a_broken_index_is_named_and_left_alone(store: Store, text: str) -> None:
    store.root.mkdir()
    (store.root / "index.json").write_text(text)
    with pytest.raises(StoreCorrupt) as caught:
        store.names()
    assert "index.json" in str(caught.value)
    assert "delete" not in str(caught.value)  # all images would be garbage then
    with pytest.raises(StoreCorrupt):
        store.set_name(NAME, describe(b"x"))
    assert (store.root / "index.json").read_text() == text


@pytest.mark.parametrize("foreign", [f"sha384:{'0' * 96}", f"blake3+x:{'0' * 64}"])
def test_what_is_listed_by_a_digest_of_another_kind_is_left_alone(store: Store, foreign: str) -> None:
    store.root.mkdir()
    entry = {"mediaType": OCI_MANIFEST, "digest": foreign, "size": 1, "annotations": {REF_NAME: "foreign"}}
    (store.root / "index.json").write_bytes(dumps({"schemaVersion": 2, "manifests": [entry]}))
    store.set_name(NAME, describe(b"x"))
    assert (set(store.names()), store.unreadable()) == ({NAME}, [foreign])
    assert json.loads((store.root / "index.json").read_bytes())["manifests"][0] == entry


def test_threads_that_set_names_lose_none(store: Store) -> None:
    def name_some(prefix: str) -> None:
        for number in range(10):
            store.set_name(f"docker.io/lab/{prefix}:{number}", describe(b"x"))

    threads = [threading.Thread(target=name_some, args=(prefix,)) for prefix in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.names()) == 40


def test_a_name_waits_for_the_lock_of_linuxkit(store: Store) -> None:
    """LinuxKit holds an fcntl lock on .lock: as long as another process has it, the index stays as it is."""
    store.set_name(NAME, describe(b"old"))
    program = """
import fcntl, sys
file = open(sys.argv[1], "ab")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, store.root / ".lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdin  # noqa: PT018
        assert holder.stdout.readline() == b"held\n"
        waiting = threading.Event()
        job = _job_that_tells(waiting)
        thread = threading.Thread(target=store.set_name, args=(NAME, describe(b"new"), job))
        thread.start()
        assert waiting.wait(PATIENCE)
        assert (store.find(NAME) or describe(b"")).digest == digest(b"old")
        holder.stdin.close()
        thread.join()
    assert (store.find(NAME) or describe(b"")).digest == digest(b"new")


def _job_that_tells(waiting: threading.Event) -> Job:
    class Telling(Job):
        def wait(self, seconds: float) -> None:
            waiting.set()
            super().wait(seconds)

    return Telling()


def test_waiting_for_a_lock_can_be_cancelled(store: Store) -> None:
    store.add(b"x")
    job = Job()
    with (store.derived_dir("locks") / "index").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        job.cancel()
        with pytest.raises(Cancelled):
            store.set_name(NAME, describe(b"x"), job)


def test_one_blob_is_worked_on_by_one_at_a_time(store: Store) -> None:
    order: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with store.locked(digest(b"x"), Job()):
            inside.set()
            assert go_on.wait(PATIENCE)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(PATIENCE)
    with store.locked(digest(b"other"), Job()):
        go_on.set()  # another blob does not wait
    with store.locked(digest(b"x"), Job()):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_partial_blob_grows_and_is_published(store: Store, job: RecordingJob) -> None:
    descriptor = describe(b"hello world")
    with store.partial(descriptor, job) as partial:
        partial.write(b"hello ")
        assert (partial.offset, partial.is_complete) == (6, False)
    with store.partial(descriptor, job) as partial:
        assert partial.offset == 6
        partial.write(b"world")
        assert (partial.is_complete, partial.digest) == (True, descriptor.digest)
        store.commit(partial)
    assert store.read(descriptor) == b"hello world"
    assert list((store.root / ".lkboard" / "ingest").iterdir()) == []


def test_a_partial_blob_can_be_begun_anew(store: Store, job: RecordingJob) -> None:
    descriptor = describe(b"hello")
    with store.partial(descriptor, job) as partial:
        partial.write(b"jel")
        partial.reset()
        partial.write(b"hello")
        assert partial.digest == descriptor.digest


def test_more_than_a_blob_has_cannot_belong_to_it(store: Store, job: RecordingJob) -> None:
    with store.partial(describe(b"hello world"), job) as partial:
        partial.write(b"hello w")
    (folder,) = (store.root / ".lkboard" / "ingest").iterdir()
    (folder / "data").write_bytes(b"hello world and more")
    with store.partial(describe(b"hello world"), job) as partial:
        assert partial.offset == 0


def test_a_store_that_may_only_be_read_is_used(tmp_path: Path) -> None:
    """Root may write anywhere, so the check runs as nobody."""
    made = multi_arch()
    write_layout(tmp_path / "store", {NAME: made})
    program = """
import os, sys
from pathlib import Path
from lkboard.oci.store.store import Store
from lkboard.errors import StoreUnusable
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = Store(Path(sys.argv[1]))
descriptor = store.find("docker.io/lab/x:v1")
assert store.read(descriptor) and store.is_sound(descriptor)
try:
    store.add(b"x")
except StoreUnusable as error:
    print(error)
"""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    for folder, _, files in os.walk(tmp_path / "store"):
        Path(folder).chmod(0o555)
        for file in files:
            (Path(folder) / file).chmod(0o444)
    done = run_python(program, tmp_path / "store")
    assert "Permission denied" in done
    assert "--cache DIR" in done


@pytest.mark.parametrize(
    ("flag", "environment", "expected"),
    [
        ("here", {"LKBOARD_CACHE": "there"}, "here"),
        (None, {"LKBOARD_CACHE": "there", "XDG_CACHE_HOME": "xdg"}, "there"),
        (None, {"XDG_CACHE_HOME": "xdg"}, "xdg/lkboard/cache"),
        (None, {"HOME": "/home/me"}, "/home/me/.cache/lkboard/cache"),
        ("", {"LKBOARD_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/me"}, "/me/.cache/lkboard/cache"),
    ],
)
def test_the_folder_of_the_store(
    monkeypatch: pytest.MonkeyPatch, flag: str | None, environment: dict[str, str], expected: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert open_store(flag).root == Path(expected)


def test_derived_data_has_folders_inside(store: Store) -> None:
    folder = store.derived_dir("layers")
    assert folder.is_dir()
    assert store.root in folder.parents


def test_skopeo_reads_the_store_by_full_names(store: Store, tmp_path: Path) -> None:
    need("skopeo")
    made = multi_arch()
    for blob in made.blobs.values():
        store.add(blob)
    store.set_name(NAME, Descriptor(made.media_type, made.digest, len(made.data)))
    copy = ["skopeo", "--insecure-policy", "copy", "--all", f"oci:{store.root}:{NAME}", f"oci:{tmp_path / 'copy'}:x"]
    subprocess.run(copy, check=True, capture_output=True)
    copied = {path.name for path in (tmp_path / "copy" / "blobs" / "sha256").iterdir()}
    assert copied == {name.removeprefix("sha256:") for name in made.blobs}


def test_a_store_made_by_skopeo_is_read(tmp_path: Path) -> None:
    need("skopeo")
    made = multi_arch()
    write_layout(tmp_path / "layout", {"x": made})
    target = tmp_path / "store"
    command = ["skopeo", "--insecure-policy", "copy", "--all", f"oci:{tmp_path / 'layout'}:x", f"oci:{target}:{NAME}"]
    subprocess.run(command, check=True, capture_output=True)
    found = Store(target).find(NAME)
    assert found
    assert Store(target).read(found) == made.data
