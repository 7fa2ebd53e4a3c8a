"""Images of the starter kit that are not there: what makes them is told, for no registry has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.damage import spoil
from support.images import file, image, layer, noise, write_layout
from support.pulls import pull, resolve, resolve_whole

from lkboard.errors import LkboardError, Offline, RegistryError, StoreCorrupt
from lkboard.oci.layers.unpack import unpack_layers
from lkboard.oci.servers.settings import parse_mirrors
from lkboard.oci.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.jobs import RecordingJob

    from lkboard.oci.store.store import Store

NAME = "docker.io/lkboard/init:kit"
HINT = "it is of the starter kit; make that: lkboard kit build"
LAYER = layer(file("data", noise(200_000, "kit")))
NOWHERE = parse_mirrors(["docker.io=http://127.0.0.1:1"])
"""A registry that refuses every connection."""


@pytest.fixture
def kit(tmp_path: Path) -> Store:
    """A store with an image of the kit."""
    return open_store(write_layout(tmp_path / "kit", {NAME: image(LAYER)}))


@pytest.mark.parametrize("find", [resolve, resolve_whole])
def test_offline(store: Store, job: RecordingJob, find: Callable[..., object]) -> None:
    with pytest.raises(Offline, match="is not in the store") as caught:
        find(store, "lkboard/init:kit", job, offline=True)
    assert caught.value.hint == HINT


def test_with_a_network(store: Store, job: RecordingJob) -> None:
    with pytest.raises(RegistryError) as caught:
        resolve(store, NAME, job, mirrors=NOWHERE, mirror_only=True, retry_delays=())
    assert caught.value.hint == HINT


def test_a_damaged_blob(kit: Store, job: RecordingJob) -> None:
    found = resolve(kit, NAME, job)
    spoil(kit.blob_path(LAYER.digest))
    with pytest.raises(StoreCorrupt, match="is damaged") as caught:
        unpack_layers([found], kit, job)
    assert str(caught.value.hint).startswith("make it again: lkboard kit build")


def test_a_blob_that_is_lost(kit: Store, job: RecordingJob) -> None:
    kit.blob_path(LAYER.digest).unlink()
    with pytest.raises(Offline) as caught:
        pull(kit, NAME, job, offline=True)
    assert caught.value.hint == HINT


def test_other_images_are_pulled(store: Store, job: RecordingJob) -> None:
    with pytest.raises(LkboardError) as caught:
        resolve(store, "lab/init:kit", job, offline=True)
    assert "lkboard cache pull" in str(caught.value.hint)


def test_a_folder_of_lkboard_vendor_is_made_anew(store: Store, job: RecordingJob) -> None:
    with pytest.raises(LkboardError) as caught:
        resolve(store, NAME, job, offline=True, is_vendored=True)
    assert caught.value.hint == f"make it anew: lkboard vendor {store.root} FILE…"
