"""Garbage collection: what goes, what stays, and what others who work at the same store notice of it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.attestations import attestation, attested, statement
from support.images import dumps, file, image, index, layer, multi_arch, noise, raw_layer, write_layout
from support.processes import ENVIRONMENT
from support.pulls import resolve

from lkboard.errors import Cancelled, StoreCorrupt
from lkboard.events import Job
from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.media_types import OCI_MANIFEST
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.oci.store.files import temporary_file
from lkboard.oci.store.garbage import DAY, HOUR, Garbage, Retention, collect, find_garbage, sweep

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Image
    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

NAME = "docker.io/lab/x:v1"
OTHER = "docker.io/lab/y:v1"
SINGLE = image(layer(file("a")))
SECOND = image(layer(file("b")), architecture="arm64")
NOW = time.time()
LATER = NOW + 2 * HOUR
"""When nothing that the tests make was used for an hour."""


def made(store: Store, **images: Image) -> Store:
    write_layout(store.root, {f"docker.io/lab/{name}:v1": one for name, one in images.items()})
    return store


def age(path: Path, seconds: float) -> Path:
    """Make a file look as if it was made and last used some time ago."""
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


def digests(store: Store) -> set[str]:
    return {f"sha256:{path.name}" for path in (store.root / "blobs" / "sha256").iterdir()}


def kinds(found: tuple[Garbage, ...]) -> set[str]:
    return {item.kind for item in found}


class TestBlobs:
    def test_what_no_image_needs_goes(self, store: Store, job: RecordingJob) -> None:
        made(store, x=SINGLE, y=SECOND)
        store.forget(OTHER, job)
        removed = collect(store, Retention(), LATER, job)
        assert digests(store) == set(SINGLE.blobs)
        assert sum(item.size for item in removed if item.kind == "blob") == sum(map(len, SECOND.blobs.values()))

    def test_what_images_share_stays(self, store: Store, job: RecordingJob) -> None:
        both = index([SINGLE, SECOND])
        made(store, x=both, y=SECOND)
        store.forget(NAME, job)
        collect(store, Retention(), LATER, job)
        assert digests(store) == set(SECOND.blobs)

    @pytest.mark.parametrize(
        "one",
        [
            multi_arch(),
            index([index([SINGLE]), SECOND]),
            attested({"amd64": SINGLE}, {"amd64": [attestation(statement({}))]}),
            index([SINGLE, SECOND]).without(*SECOND.blobs),
        ],
        ids=["index", "nested", "attestations", "sparse"],
    )
    def test_everything_of_a_named_image_stays(self, store: Store, job: RecordingJob, one: Image) -> None:
        made(store, x=one)
        collect(store, Retention(), LATER, job)
        assert digests(store) == set(one.blobs)

    def test_what_has_no_name_but_is_listed_stays(self, store: Store, job: RecordingJob) -> None:
        folder = made(store, x=SINGLE).root
        listed = {"schemaVersion": 2, "manifests": [SINGLE.descriptor]}
        (folder / "index.json").write_bytes(dumps(listed))
        collect(store, Retention(), LATER, job)
        assert digests(store) == set(SINGLE.blobs)

    def test_nothing_goes_when_something_listed_cannot_be_read(self, store: Store, job: RecordingJob) -> None:
        folder = made(store, x=SINGLE).root
        blob = store.add(b"of the other image")
        foreign = {**SECOND.descriptor, "digest": f"sha384:{'0' * 96}"}
        (folder / "index.json").write_bytes(dumps({"schemaVersion": 2, "manifests": [SINGLE.descriptor, foreign]}))
        with pytest.raises(StoreCorrupt, match=r"lists sha384:0+, and lkboard cannot tell what that needs"):
            collect(store, Retention(), LATER, job)
        assert store.has(blob)

    def test_documents_of_unknown_kinds_are_understood(self, store: Store, job: RecordingJob) -> None:
        """A referrer keeps what it refers to; lkboard itself never looks at one."""
        made(store, x=SINGLE)
        artifact = {"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "subject": SINGLE.descriptor}
        blob = store.add(b"signature")
        artifact["blobs"] = [{"mediaType": "x", "digest": blob, "size": 9}]
        data = dumps(artifact)
        store.set_name(OTHER, Descriptor(str(artifact["mediaType"]), store.add(data), len(data)))
        store.forget(NAME, job)
        collect(store, Retention(), LATER, job)
        assert digests(store) > {*SINGLE.blobs, blob}

    def test_what_was_used_within_an_hour_stays(self, store: Store, job: RecordingJob) -> None:
        data = b"just made"
        path = store.blob_path(store.add(data))
        age(path, 2 * HOUR)
        assert find_garbage(store, Retention(), NOW, job)
        assert store.is_sound(Descriptor("", f"sha256:{path.name}", len(data)))
        assert find_garbage(store, Retention(), NOW, job) == ()

    def test_days_may_be_asked_for(self, store: Store, job: RecordingJob) -> None:
        age(store.blob_path(store.add(b"x")), 2 * DAY)
        assert find_garbage(store, Retention(keep_seconds=3 * DAY), NOW, job) == ()
        assert kinds(find_garbage(store, Retention(keep_seconds=DAY), NOW, job)) == {"blob"}

    def test_looking_changes_nothing(self, store: Store, job: RecordingJob) -> None:
        made(store, x=SINGLE)
        store.forget(NAME, job)
        found = find_garbage(store, Retention(), LATER, job)
        assert digests(store) == set(SINGLE.blobs)
        assert {item.path for item in found if item.kind == "blob"} == {store.blob_path(name) for name in SINGLE.blobs}

    def test_what_is_no_blob_is_left_alone(self, store: Store, job: RecordingJob) -> None:
        """LinuxKit makes its temporary files beside the blobs."""
        made(store, x=SINGLE)
        foreign = store.root / "blobs" / "sha256" / "temporary"
        foreign.write_bytes(b"x")
        collect(store, Retention(), LATER, job)
        assert foreign.exists()

    def test_a_damaged_manifest_stops_it(self, store: Store, job: RecordingJob) -> None:
        made(store, x=SINGLE)
        unnamed = store.add(b"x")
        store.blob_path(SINGLE.digest).write_bytes(bytes(len(SINGLE.data)))
        with pytest.raises(StoreCorrupt, match=f"{SINGLE.digest} is damaged .*lkboard cache verify"):
            collect(store, Retention(), LATER, job)
        assert store.has(unnamed)

    def test_an_empty_store_has_no_garbage(self, store: Store, job: RecordingJob) -> None:
        assert find_garbage(store, Retention(keep_bytes=0), LATER, job) == ()
        assert collect(store, Retention(), LATER, job) == ()
        assert not store.root.exists()


class TestLeftovers:
    @pytest.mark.parametrize(("days", "goes"), [(6, False), (8, True)])
    def test_unfinished_downloads_are_kept_for_a_week(
        self, store: Store, job: RecordingJob, days: int, goes: bool
    ) -> None:
        descriptor = Descriptor("", SINGLE.digest, len(SINGLE.data))
        with store.partial(descriptor, job) as partial:
            partial.write(SINGLE.data[:10])
        (data,) = store.private.glob("ingest/*/data")
        age(data, days * DAY)
        age(data.parent, days * DAY)
        assert bool(collect(store, Retention(), NOW, job)) is goes
        assert data.exists() is not goes

    def test_temporary_files_of_killed_processes_go(self, store: Store, job: RecordingJob) -> None:
        paths = [store.derived_dir(kind) / "new-abc" for kind in ("ingest", "layers", "segments")]
        for path in paths:
            path.write_bytes(b"x")
        removed = collect(store, Retention(), LATER, job)
        assert {item.path for item in removed if item.kind == "temporary"} == {*paths}
        assert not any(path.exists() for path in paths)

    def test_temporary_files_in_use_stay(self, store: Store, job: RecordingJob) -> None:
        with temporary_file(store.derived_dir("ingest")) as used:
            used.write(b"x")
            collect(store, Retention(), LATER, job)
            assert os.path.exists(used.name)  # noqa: PTH110

    def test_temporary_folders_go_after_a_day(self, store: Store, job: RecordingJob) -> None:
        folder = store.derived_dir("packages") / "new-abc"
        folder.mkdir()
        (folder / "data.tar").write_bytes(b"x")
        collect(store, Retention(), NOW + 23 * HOUR, job)
        assert folder.exists()
        collect(store, Retention(), NOW + 25 * HOUR, job)
        assert not folder.exists()

    def test_temporary_folders_in_use_stay(self, store: Store, job: RecordingJob) -> None:
        folder = store.derived_dir("write") / "new-abc"
        folder.mkdir()
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        collect(store, Retention(), NOW + 3 * DAY, job)
        assert folder.exists()
        os.close(descriptor)
        collect(store, Retention(), NOW + 3 * DAY, job)
        assert not folder.exists()

    def test_damaged_blobs_go_after_a_week(self, store: Store, job: RecordingJob) -> None:
        digest = store.add(b"x")
        age(store.blob_path(digest), 100 * DAY)
        store.quarantine(digest)
        (put_away,) = (store.private / "quarantine").iterdir()
        collect(store, Retention(), NOW + 6 * DAY, job)
        assert put_away.exists()
        assert "quarantine" in kinds(collect(store, Retention(), NOW + 8 * DAY, job))
        assert not put_away.exists()

    def test_records_and_locks_of_what_is_gone_go(self, store: Store, job: RecordingJob) -> None:
        digest = store.add(b"x")
        with store.locked(digest, job):
            pass
        store.blob_path(digest).unlink()
        collect(store, Retention(), NOW + 2 * DAY, job)
        assert list((store.private / "verified").iterdir()) == []
        assert not list((store.private / "locks").glob("sha256-*"))

    def test_records_of_what_is_there_stay(self, store: Store, job: RecordingJob) -> None:
        one = image(layer(file("a")))
        made(store, x=one)
        for name, data in one.blobs.items():
            store.is_sound(Descriptor("", name, len(data)))
        before = sorted((store.private / "verified").iterdir())
        collect(store, Retention(), NOW + 2 * DAY, job)
        assert before
        assert sorted((store.private / "verified").iterdir()) == before


class TestDerivedData:
    def test_unpacked_layers_go_with_their_images(self, store: Store, job: RecordingJob) -> None:
        made(store, x=SINGLE, y=SECOND)
        unpack_layers([resolve(store, NAME, job), resolve(store, OTHER, job, arch="arm64")], store, job)
        assert len(list(store.derived_dir("layers").iterdir())) == 2
        store.forget(OTHER, job)
        collect(store, Retention(), LATER, job)
        (left,) = store.derived_dir("layers").iterdir()
        assert f"sha256:{left.stem}" == resolve(store, NAME, job).config.diff_ids[0]

    def test_what_named_images_need_stays_unless_days_are_named(self, store: Store, job: RecordingJob) -> None:
        made(store, x=SINGLE)
        unpack_layers([resolve(store, NAME, job)], store, job)
        (store.derived_dir("segments") / "key.gz").write_bytes(b"x")
        assert kinds(find_garbage(store, Retention(), LATER, job)) == set()
        found = find_garbage(store, Retention(is_strict=True), LATER, job)
        assert kinds(found) == {"derived"}
        assert len(found) == 2

    def test_the_least_recently_used_goes_first(self, store: Store, job: RecordingJob) -> None:
        folder = store.derived_dir("segments")
        for number, name in enumerate("abcd"):
            (folder / name).write_bytes(bytes(1000))
            age(folder / name, (10 - number) * HOUR)
        removed = collect(store, Retention(keep_bytes=2500), NOW, job)
        assert [item.path.name for item in removed] == ["a", "b"]
        assert sorted(path.name for path in folder.iterdir()) == ["c", "d"]

    def test_use_counts(self, store: Store, job: RecordingJob) -> None:
        made(store, x=SINGLE)
        unpack_layers([resolve(store, NAME, job)], store, job)
        (unpacked,) = store.derived_dir("layers").iterdir()
        age(unpacked, 5 * DAY)
        store.vouch(unpacked)
        assert find_garbage(store, Retention(is_strict=True), NOW, job)
        unpack_layers([resolve(store, NAME, job)], store, job)
        assert find_garbage(store, Retention(is_strict=True), NOW, job) == ()

    def test_blobs_are_never_removed_for_space(self, store: Store, job: RecordingJob) -> None:
        one = image(raw_layer(noise(100_000), compression="none"))
        made(store, x=one)
        collect(store, Retention(keep_bytes=10), LATER, job)
        assert digests(store) == set(one.blobs)

    def test_what_is_garbage_anyhow_counts_as_freed(self, store: Store, job: RecordingJob) -> None:
        kept = store.derived_dir("segments") / "kept"
        kept.write_bytes(bytes(1000))
        age(store.blob_path(store.add(bytes(5000))), 2 * HOUR)
        age(kept, 2 * HOUR)
        assert "blob" in kinds(collect(store, Retention(keep_bytes=3000), NOW, job))
        assert kept.exists()


class TestOthers:
    def test_a_blob_that_another_process_has_locked_stays(self, store: Store, job: RecordingJob) -> None:
        digest = store.add(b"x")
        age(store.blob_path(digest), 2 * HOUR)
        with _holding(store.derived_dir("locks") / digest.replace(":", "-")):
            assert collect(store, Retention(), NOW, job) == ()
        assert store.has(digest)
        assert kinds(collect(store, Retention(), NOW, job)) == {"blob"}

    def test_a_download_that_another_process_works_on_stays(self, store: Store, job: RecordingJob) -> None:
        with store.partial(Descriptor("", SINGLE.digest, 100), job) as partial:
            partial.write(b"x")
        with _holding(store.derived_dir("locks") / SINGLE.digest.replace(":", "-")):
            assert collect(store, Retention(), NOW + 8 * DAY, job) == ()
        assert kinds(collect(store, Retention(), NOW + 8 * DAY, job)) >= {"partial"}

    def test_it_waits_while_linuxkit_pulls(self, store: Store) -> None:
        """LinuxKit holds .lock all the time, and does not touch blobs that it finds."""
        digest = store.add(b"x")
        store.set_name(NAME, Descriptor(OCI_MANIFEST, digest, 1))

        class Impatient(Job):
            def wait(self, seconds: float) -> None:
                self.cancel()
                super().wait(0)

        with _holding(store.root / ".lock", "lockf"), pytest.raises(Cancelled):
            collect(store, Retention(), LATER, Impatient())
        assert store.has(digest)

    def test_what_is_used_meanwhile_stays(self, store: Store, job: RecordingJob) -> None:
        """Somebody relies on a blob between the look at it and its removal."""
        digest = store.add(b"x")
        age(store.blob_path(digest), 2 * HOUR)
        found = find_garbage(store, Retention(), NOW, job)
        assert kinds(found) == {"blob"}
        assert store.is_sound(Descriptor("", digest, 1))
        assert sweep(store, found, job) == ()
        assert store.has(digest)

    def test_what_is_gone_meanwhile_was_not_freed(self, store: Store, job: RecordingJob) -> None:
        path = age(store.blob_path(store.add(b"x")), 2 * HOUR)
        found = find_garbage(store, Retention(), NOW, job)
        path.unlink()
        assert sweep(store, found, job) == ()

    def test_it_can_be_stopped(self, store: Store) -> None:
        job = Job()
        made(store, x=SINGLE)
        job.cancel()
        with pytest.raises(Cancelled):
            collect(store, Retention(), LATER, job)


def _holding(path: Path, function: str = "flock") -> subprocess.Popen[bytes]:
    """Return a process that holds a file until the end of the block."""
    program = f"import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.{function}(f, fcntl.LOCK_EX)\n"
    program += "print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    return holder
