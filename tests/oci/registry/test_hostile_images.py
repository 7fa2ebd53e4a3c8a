"""Manifests and indexes made to keep the reader busy, or to say something endless."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.images import OCI, Image, file, image, index, layer, write_layout
from support.jobs import RecordingJob
from support.pulls import resolve, resolve_whole

from lkboard.errors import ManifestInvalid, PlatformMissing
from lkboard.oci.archives.importing import import_archive
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

NAME = "docker.io/lab/x:v1"
WIDTH = 2000


def stored(folder: Path, made: Image) -> Store:
    return Store(write_layout(folder / "store", {NAME: made}))


def branching(depth: int) -> Image:
    """Return an index that leads to one image in ``WIDTH`` ways, to the power of ``depth``."""
    found = image(layer(file("a")), architecture="riscv64")
    for _ in range(depth):
        found = index([found], extra=[found.descriptor] * (WIDTH - 1))
    return found


def test_what_an_index_lists_many_times_is_looked_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlatformMissing) as caught:
        resolve(stored(tmp_path, branching(4)), NAME, RecordingJob(), arch="amd64")
    assert caught.value.available == ("linux/riscv64",)


def test_what_an_index_lists_many_times_is_taken_whole_once(tmp_path: Path) -> None:
    whole = resolve_whole(stored(tmp_path, branching(4)), NAME, RecordingJob())
    assert len(whole.documents) == 5
    assert len(whole.layers) == 2


def test_what_an_index_lists_many_times_is_imported_once(tmp_path: Path, store: Store) -> None:
    folder = write_layout(tmp_path / "layout", {NAME: branching(3)})
    assert import_archive(store, folder, RecordingJob()) == (NAME,)


def test_indexes_below_one_another_have_an_end(tmp_path: Path) -> None:
    found = image(layer(file("a")))
    for _ in range(40):
        found = index([found])
    store = stored(tmp_path, found)
    with pytest.raises(PlatformMissing):
        resolve(store, NAME, RecordingJob(), arch="amd64")
    with pytest.raises(ManifestInvalid, match="nested more than 4 deep"):
        resolve_whole(store, NAME, RecordingJob())


def test_an_index_of_twenty_thousand_platforms_gives_a_short_error(tmp_path: Path) -> None:
    entries = [
        {
            "mediaType": f"{OCI}.manifest.v1+json",
            "digest": f"sha256:{number:064x}",
            "size": 3,
            "platform": {"os": "linux", "architecture": f"a{number}"},
        }
        for number in range(20_000)
    ]
    with pytest.raises(PlatformMissing) as caught:
        resolve(stored(tmp_path, index([], extra=entries)), NAME, RecordingJob(), arch="amd64")
    assert len(caught.value.available) == 20_000
    assert len(str(caught.value)) < 400
    assert "linux/a15 and 19984 more" in str(caught.value)


def test_a_manifest_may_have_thirty_thousand_layers(tmp_path: Path) -> None:
    found = resolve(stored(tmp_path, image(*[layer(file("a"))] * 30_000)), NAME, RecordingJob(), arch="amd64")
    assert len(found.layers) == 30_000


def test_a_manifest_of_more_than_four_mebibytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match="larger than 4 MiB"):
        resolve(stored(tmp_path, image(*[layer(file("a"))] * 100_000)), NAME, RecordingJob(), arch="amd64")
