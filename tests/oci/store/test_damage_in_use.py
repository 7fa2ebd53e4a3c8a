"""Blobs that have gone bad since they were checked, found where they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.damage import spoil
from support.images import file, image, layer, noise, raw_layer, write_layout
from support.pulls import is_complete, pull, resolve

from lkboard.errors import LayerInvalid, Offline, StoreCorrupt
from lkboard.model.image import Descriptor
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.oci.registry.pull import Puller
from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from support.images import Image
    from support.jobs import RecordingJob
    from support.registry import Registry

    from lkboard.oci.store.store import Store

pytestmark = pytest.mark.registry

LAYER = layer(file("data", noise(200_000, "in use")))
IMAGE = image(LAYER)


@pytest.fixture
def name(registry: Registry) -> str:
    return registry.push(IMAGE, "damage/image:v1")


def spoiled(store: Store, name: str, job: RecordingJob) -> None:
    """Pull an image and let its layer go bad."""
    pull(store, name, job)
    spoil(store.blob_path(LAYER.digest))


def test_a_bad_layer_is_put_away_and_named(store: Store, job: RecordingJob, name: str) -> None:
    spoiled(store, name, job)
    with pytest.raises(StoreCorrupt, match="the store's copy of it is damaged") as caught:
        unpack_layers([resolve(store, name, job)], store, job)
    assert caught.value.where == f"{name}, layer {LAYER.digest}"
    assert "lkboard cache verify" in str(caught.value)
    assert not store.has(LAYER.digest)
    assert (store.private / "quarantine" / LAYER.digest.replace(":", "-")).is_file()


def test_it_is_fetched_again(store: Store, job: RecordingJob, name: str) -> None:
    spoiled(store, name, job)
    with pytest.raises(StoreCorrupt):
        unpack_layers([resolve(store, name, job)], store, job)
    assert is_complete(store, pull(store, name, job))
    unpack_layers([resolve(store, name, job)], store, job)


def test_all_others_can_be_checked_then(store: Store, job: RecordingJob, name: str) -> None:
    """One bad blob is seldom alone, and their files look as if nobody had touched them."""
    spoiled(store, name, job)
    found = resolve(store, name, job)
    puller = Puller(store, RegistrySettings(), job)
    puller.fetch([found])
    assert not store.is_sound(found.layers[0], recheck=True)
    puller.fetch([found], recheck=True)
    assert store.is_sound(found.layers[0], recheck=True)


def test_offline_it_cannot_be_fetched(store: Store, job: RecordingJob, name: str) -> None:
    spoiled(store, name, job)
    found = resolve(store, name, job)
    puller = Puller(store, RegistrySettings(offline=True), job)
    with pytest.raises(StoreCorrupt, match=f"the blob {LAYER.digest} in the store was damaged") as caught:
        puller.fetch([found], recheck=True)
    assert "lkboard cache verify" in str(caught.value)
    with pytest.raises(Offline, match=f"its blob {LAYER.digest} is not in the store"):
        puller.fetch([found])


@pytest.mark.parametrize("part", ["manifest", "configuration"])
def test_a_bad_document_is_fetched_again(store: Store, job: RecordingJob, name: str, part: str) -> None:
    pull(store, name, job)
    digest = IMAGE.digest if part == "manifest" else next(iter(IMAGE.blobs))
    spoil(store.blob_path(digest))
    assert is_complete(store, pull(store, name, job))
    assert store.read(Descriptor("", digest, len(IMAGE.blobs[digest]))) == IMAGE.blobs[digest]
    assert any(digest in note for note in job.notes)


@pytest.mark.parametrize("part", ["manifest", "configuration"])
def test_a_bad_document_is_named_offline(store: Store, job: RecordingJob, name: str, part: str) -> None:
    pull(store, name, job)
    digest = IMAGE.digest if part == "manifest" else next(iter(IMAGE.blobs))
    spoil(store.blob_path(digest))
    with pytest.raises(StoreCorrupt, match=f"the blob {digest} in the store was damaged") as caught:
        resolve(store, name, job, offline=True)
    assert "lkboard cache verify" in str(caught.value)


def _wrong() -> Image:
    """Return an image whose configuration expects another layer than it has."""
    other = raw_layer(noise(1024), compression="none")
    return image(type(LAYER)(LAYER.data, LAYER.media_type, other.diff_id))


def test_a_store_is_not_blamed_for_a_wrong_image(store: Store, job: RecordingJob) -> None:
    wrong = _wrong()
    write_layout(store.root, {"docker.io/lab/wrong:v1": wrong})
    with pytest.raises(LayerInvalid, match="the image's configuration says"):
        unpack_layers([resolve(store, "docker.io/lab/wrong:v1", job)], store, job)
    assert store.has(LAYER.digest)
