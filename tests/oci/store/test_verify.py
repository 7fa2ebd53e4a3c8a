"""All blobs of a store, read again."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

import pytest
from support.damage import spoil
from support.images import Layer, file, image, index, layer, multi_arch, write_layout
from support.pulls import resolve

from lkboard.errors import Cancelled
from lkboard.events import Event, Job, Progress
from lkboard.model.image import Descriptor
from lkboard.model.stored import Gap
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.oci.store.verify import STEP, verify

if TYPE_CHECKING:
    from support.images import Image
    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

NAME, OTHER = "docker.io/lab/x:v1", "docker.io/lab/y:v1"
SHARED = layer(file("shared"))
SINGLE = image(SHARED, layer(file("a")))
SECOND = image(SHARED, layer(file("b")), architecture="arm64")


def made(store: Store, **images: Image) -> Store:
    write_layout(store.root, {f"docker.io/lab/{name}:v1": one for name, one in images.items()})
    return store


def test_a_sound_store_has_no_damage(store: Store, job: RecordingJob) -> None:
    one = multi_arch()
    found = verify(made(store, x=one), job)
    total = sum(map(len, one.blobs.values()))
    assert (found.files, found.size_bytes, found.damaged) == (len(one.blobs), total, ())
    assert job.last_progress == Progress(STEP, total, total)


def test_an_empty_store_is_sound(store: Store, job: RecordingJob) -> None:
    assert verify(store, job).files == 0
    assert not store.root.exists()


@pytest.mark.parametrize("number", [0, 1, 2, 3], ids=["configuration", "shared layer", "layer", "manifest"])
def test_a_damaged_blob_is_put_away_and_its_images_named(store: Store, job: RecordingJob, number: int) -> None:
    made(store, x=SINGLE, y=SECOND)
    digest = list(SINGLE.blobs)[number]
    for name, data in SINGLE.blobs.items():
        assert store.is_sound(Descriptor("", name, len(data)))  # so that it is known to be good
    spoil(store.blob_path(digest))
    (damage,) = verify(store, job).damaged
    assert (damage.digest, damage.images) == (digest, (NAME, OTHER) if digest == SHARED.digest else (NAME,))
    assert not store.has(digest)
    assert (store.private / "quarantine" / digest.replace(":", "-")).is_file()
    again = verify(store, job)
    assert again.damaged == ()
    assert {gap.image for gap in again.gaps} == set(damage.images)


@pytest.mark.parametrize("number", [0, 1, 2, 3], ids=["configuration", "shared layer", "layer", "manifest"])
def test_a_missing_blob_is_told_with_its_image(store: Store, job: RecordingJob, number: int) -> None:
    digest = list(SINGLE.blobs)[number]
    made(store, x=SINGLE.without(digest), y=image(layer(file("whole"))))
    found = verify(store, job)
    platform = "" if number in {0, 3} else "linux/amd64"  # nothing else says it
    assert (found.damaged, found.gaps) == ((), (Gap(NAME, platform, (digest,)),))


def test_platforms_that_were_not_pulled_are_no_gaps(store: Store, job: RecordingJob) -> None:
    made(store, x=index([SINGLE, SECOND]).without(*(name for name in SECOND.blobs if name != SHARED.digest)))
    assert verify(store, job).gaps == ()


def test_each_platform_that_was_pulled_has_its_own_gap(store: Store, job: RecordingJob) -> None:
    ours, theirs = list(SINGLE.blobs)[2], list(SECOND.blobs)[2]
    made(store, x=index([SINGLE, SECOND]).without(ours, theirs, SHARED.digest))
    assert verify(store, job).gaps == (
        Gap(NAME, "linux/amd64", tuple(sorted((SHARED.digest, ours)))),
        Gap(NAME, "linux/arm64", tuple(sorted((SHARED.digest, theirs)))),
    )


def test_an_index_of_which_no_platform_is_there_is_a_gap(store: Store, job: RecordingJob) -> None:
    made(store, x=index([SINGLE, SECOND]).without(SINGLE.digest, SECOND.digest))
    assert verify(store, job).gaps == (Gap(NAME, "", (SINGLE.digest, SECOND.digest)),)


def test_only_what_is_missing_besides_damage_makes_a_gap(store: Store, job: RecordingJob) -> None:
    lost = list(SINGLE.blobs)[2]
    made(store, x=SINGLE.without(lost))
    spoil(store.blob_path(SHARED.digest))
    found = verify(store, job)
    assert [damage.digest for damage in found.damaged] == [SHARED.digest]
    assert found.gaps == (Gap(NAME, "linux/amd64", tuple(sorted((SHARED.digest, lost)))),)
    made(store, x=SINGLE)
    spoil(store.blob_path(SHARED.digest))
    assert verify(store, job).gaps == ()


def test_images_are_named_through_indexes(store: Store, job: RecordingJob) -> None:
    made(store, x=index([index([SINGLE])]))
    spoil(store.blob_path(SHARED.digest))
    assert verify(store, job).damaged[0].images == (NAME,)


def test_a_cut_blob_is_damaged(store: Store, job: RecordingJob) -> None:
    made(store, x=SINGLE)
    store.blob_path(SHARED.digest).write_bytes(SHARED.data[:-1])
    assert [damage.digest for damage in verify(store, job).damaged] == [SHARED.digest]


def test_what_no_image_needs_is_checked_too(store: Store, job: RecordingJob) -> None:
    spoil(store.blob_path(store.add(b"hello")))
    (damage,) = verify(store, job).damaged
    assert damage.images == ()


def test_a_damaged_unpacked_layer_is_removed(store: Store, job: RecordingJob) -> None:
    """It is trusted as long as its file looks the same; here it does."""
    made(store, x=SINGLE)
    found = resolve(store, NAME, job)
    unpack_layers([found], store, job)
    path = store.derived_dir("layers") / f"{SHARED.diff_id.removeprefix('sha256:')}.tar"
    spoil(path)
    (damage,) = verify(store, job).damaged
    assert (damage.digest, damage.path) == (SHARED.diff_id, str(path))
    assert not path.exists()


def test_other_digests_are_known_too(store: Store, job: RecordingJob) -> None:
    packed = layer(file("a"))
    plain = "sha512:" + hashlib.sha512(gzip.decompress(packed.data)).hexdigest()
    made(store, x=image(Layer(packed.data, packed.media_type, plain)))
    store.add(b"x", "sha512")
    unpack_layers([resolve(store, NAME, job)], store, job)
    found = verify(store, job)
    assert (found.files, found.damaged) == (5, ())


def test_files_that_are_no_blobs_are_left_alone(store: Store, job: RecordingJob) -> None:
    made(store, x=SINGLE)
    (store.root / "blobs" / "sha256" / "temporary").write_bytes(b"x")
    assert verify(store, job).damaged == ()


def test_it_can_be_stopped(store: Store, job: RecordingJob) -> None:
    made(store, x=SINGLE)
    job.cancel()
    with pytest.raises(Cancelled):
        verify(store, job)
    assert store.has(SHARED.digest)


def test_what_is_made_anew_before_it_is_put_away_stays(store: Store, job: RecordingJob) -> None:
    """All is read before anything is put away, which takes minutes: a build that finds the damage mends it."""
    made(store, x=SINGLE)
    unpack_layers([resolve(store, NAME, job)], store, job)
    blob = store.blob_path(SHARED.digest)
    unpacked = store.derived_dir("layers") / f"{SHARED.diff_id.removeprefix('sha256:')}.tar"
    spoil(blob)
    spoil(unpacked)

    def mend(event: Event) -> None:
        if isinstance(event, Progress) and event.done == event.total:
            for path, data in ((blob, SHARED.data), (unpacked, gzip.decompress(SHARED.data))):
                path.unlink()
                path.write_bytes(data)

    assert verify(store, Job(mend)).damaged == ()
    assert blob.read_bytes() == SHARED.data
    assert unpacked.exists()


def test_a_blob_that_is_being_fetched_is_waited_for(store: Store, job: RecordingJob) -> None:
    """Who fetches it has locked it, and puts the damaged one away himself."""
    made(store, x=SINGLE)
    path = store.blob_path(SHARED.digest)
    spoil(path)
    fetching = store.locked(SHARED.digest, job)
    fetching.__enter__()

    class Waiting(Job):
        def wait(self, seconds: float) -> None:
            path.unlink()
            path.write_bytes(SHARED.data)
            fetching.__exit__(None, None, None)

    assert verify(store, Waiting()).damaged == ()
    assert path.read_bytes() == SHARED.data
