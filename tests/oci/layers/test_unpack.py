from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.images import Layer, digest, file, image, layer, noise, raw_layer, tar, write_layout
from support.jobs import RecordingJob
from support.pulls import resolve
from support.stored import NAME, stored
from support.waiting import PATIENCE

from lkboard.errors import Cancelled, LayerInvalid, StoreUnusable
from lkboard.events import Event, Job, Progress, Step
from lkboard.model.image import Descriptor, ResolvedImage
from lkboard.oci.layers.unpack import diff_layers, size_limit, unpack_layers, unpacked_layer
from lkboard.oci.store.meter import Meter
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from lkboard.model.extents import FileSpan

PLAIN = tar(file("a", b"hello"), file("b", noise(300_000)))


def unpack(store: Store, image: ResolvedImage) -> FileSpan:
    ((one, diff_id),) = diff_layers(image)
    return unpacked_layer(store, one, diff_id, image=NAME)


def kept(store: Store) -> list[str]:
    return sorted(path.name for path in store.derived_dir("layers").iterdir())


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_layer_is_unpacked_once_under_its_diff_id(compression: str, tmp_path: Path) -> None:
    store, image = stored(tmp_path, raw_layer(PLAIN, compression=compression))  # type: ignore[arg-type]
    span = unpack(store, image)
    assert (span.offset, span.size, span.digest) == (0, len(PLAIN), digest(PLAIN))
    with open(span.path, "rb") as unpacked:  # noqa: PTH123
        assert unpacked.read() == PLAIN
    store.blob_path(image.layers[0].digest).unlink()
    assert unpack(store, image) == span
    assert kept(store) == [f"{digest(PLAIN).removeprefix('sha256:')}.tar"]


@pytest.mark.parametrize("damaged", [b"x" * len(PLAIN), PLAIN[:-1], b""])
@pytest.mark.parametrize("are_all", [False, True])
def test_an_unpacked_layer_that_was_changed_is_made_again(damaged: bytes, are_all: bool, tmp_path: Path) -> None:
    store, image = stored(tmp_path, raw_layer(PLAIN))
    path = Path(unpack(store, image).path)
    path.chmod(0o644)
    path.write_bytes(damaged)
    if are_all:
        unpack_layers([image], store, Job())
        assert path.read_bytes() == PLAIN
    assert unpack(store, image).size == len(PLAIN)
    assert path.read_bytes() == PLAIN


def test_an_unpacked_layer_that_was_only_touched_is_kept(tmp_path: Path) -> None:
    store, image = stored(tmp_path, raw_layer(PLAIN))
    span = unpack(store, image)
    Path(span.path).touch()
    store.blob_path(image.layers[0].digest).unlink()
    assert unpack(store, image) == span


def test_a_plain_layer_is_used_where_it_is(tmp_path: Path) -> None:
    store, image = stored(tmp_path, raw_layer(PLAIN, compression="none"))
    assert unpack(store, image).path == str(store.blob_path(digest(PLAIN)))
    assert kept(store) == []


def test_the_media_type_does_not_matter(tmp_path: Path) -> None:
    lying = replace(raw_layer(PLAIN, compression="gzip"), media_type="application/vnd.oci.image.layer.v1.tar+zstd")
    store, image = stored(tmp_path, lying)
    assert unpack(store, image).digest == digest(PLAIN)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_a_layer_with_another_diff_id_is_refused(compression: str, tmp_path: Path) -> None:
    wrong = replace(raw_layer(PLAIN, compression=compression), diff_id=digest(b"other"))  # type: ignore[arg-type]
    store, image = stored(tmp_path, wrong)
    with pytest.raises(LayerInvalid, match=f"unpacks to {digest(PLAIN)}, but .* says {digest(b'other')}") as caught:
        unpack(store, image)
    assert str(caught.value).startswith(f"{NAME}, layer {image.layers[0].digest}: ")
    assert kept(store) == []


def test_a_damaged_layer_leaves_nothing_behind(tmp_path: Path) -> None:
    whole = raw_layer(PLAIN)
    store, image = stored(tmp_path, replace(whole, data=whole.data[:-100]))
    with pytest.raises(LayerInvalid, match="is cut") as caught:
        unpack(store, image)
    assert caught.value.hint == "the image is broken: build it anew, or use another version of it"
    assert kept(store) == []


def test_a_missing_layer_is_an_error(tmp_path: Path) -> None:
    store, image = stored(tmp_path, raw_layer(PLAIN))
    store.blob_path(image.layers[0].digest).unlink()
    with pytest.raises(StoreUnusable, match="No such file"):
        unpack(store, image)


def test_the_number_of_layers_must_agree(tmp_path: Path) -> None:
    _store, image = stored(tmp_path, raw_layer(PLAIN))
    with pytest.raises(LayerInvalid, match="the manifest has 0 layers, the configuration 1 diff IDs"):
        list(diff_layers(replace(image, layers=())))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkboard.oci.layers.unpack._SIZE_LIMIT", 1 << 20)
    store, image = stored(tmp_path, raw_layer(bytes(20 << 20)))
    with pytest.raises(LayerInvalid, match="unpacks to more than 5 MiB, 64 times its size") as caught:
        unpack(store, image)
    assert str(caught.value).endswith(" (do not use this image: so much in so little is there to fill disks)")
    assert kept(store) == []


@pytest.mark.parametrize(("stored_bytes", "limit"), [(1, 1 << 30), (1 << 24, 1 << 30), (1 << 25, 1 << 31)])
def test_the_limit_is_a_gibibyte_or_64_times_the_size(stored_bytes: int, limit: int) -> None:
    assert size_limit(stored_bytes) == limit


def test_a_diff_id_must_be_a_digest(tmp_path: Path) -> None:
    store, _image = stored(tmp_path, raw_layer(PLAIN))
    with pytest.raises(LayerInvalid, match="no valid diff ID"):
        unpacked_layer(store, Descriptor("", digest(PLAIN), 1), "../../etc/passwd")


# several at once


def several(folder: Path, *parts: Layer) -> tuple[Store, list[ResolvedImage]]:
    names = {f"docker.io/lab/image{number}:v1": image(part) for number, part in enumerate(parts)}
    store = Store(write_layout(folder, names))
    return store, [resolve(store, name, RecordingJob()) for name in names]


def test_all_layers_are_unpacked_with_progress(tmp_path: Path) -> None:
    parts = [layer(file(f"f{number}", noise(200_000, str(number)))) for number in range(5)]
    store, images = several(tmp_path, *parts)
    job = RecordingJob()
    unpack_layers([*images, images[0]], store, job)
    assert len(kept(store)) == 5
    total = sum(len(part.data) for part in parts)
    assert job.last_progress == Progress("Unpack layers", total, total)
    assert [event.state for event in job.events if isinstance(event, Step)] == ["started", "done"]


def test_one_bad_layer_stops_all_and_is_named(tmp_path: Path) -> None:
    good = [layer(file(f"f{number}", noise(100_000, str(number)))) for number in range(3)]
    store, images = several(tmp_path, *good, replace(layer(file("bad")), diff_id=digest(b"x")))
    with pytest.raises(LayerInvalid, match="image3:v1, layer"):
        unpack_layers(images, store, Job())


def test_a_missing_layer_stops_those_that_are_being_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other layer is held up until it is told to stop; then it may not be finished."""
    meters: list[Meter] = []

    class Recorded(Meter):
        def __init__(self, job: Job, step: str, total: int) -> None:
            super().__init__(job, step, total)
            meters.append(self)

    def hold_up(event: Event) -> None:
        if isinstance(event, Progress):
            meters[0].stop.wait(PATIENCE)

    monkeypatch.setattr("lkboard.oci.layers.unpack.Meter", Recorded)
    missing = layer(file("missing"))
    store, images = several(tmp_path, layer(file("f", noise(4 << 20))), missing)
    store.blob_path(digest(missing.data)).unlink()
    with pytest.raises(StoreUnusable, match="No such file"):
        unpack_layers(images, store, Job(hold_up, progress_interval=0.0))
    assert kept(store) == []


def test_cancelling_stops_and_leaves_only_whole_layers(tmp_path: Path) -> None:
    store, images = several(tmp_path, *(layer(file("f", noise(4 << 20, str(number)))) for number in range(4)))
    job = Job(lambda event: job.cancel() if isinstance(event, Progress) else None, progress_interval=0.0)
    with pytest.raises(Cancelled):
        unpack_layers(images, store, job)
    assert len(kept(store)) < 4
    assert all(name.endswith(".tar") for name in kept(store))
    unpack_layers(images, store, Job())
    assert len(kept(store)) == 4


def test_two_at_once_may_unpack_the_same_layer(tmp_path: Path) -> None:
    store, image = stored(tmp_path, raw_layer(PLAIN))
    start = threading.Barrier(4)
    spans = []

    def run() -> None:
        start.wait()
        spans.append(unpack(store, image))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(spans)) == 1
    assert len(spans) == 4
    assert len(kept(store)) == 1
