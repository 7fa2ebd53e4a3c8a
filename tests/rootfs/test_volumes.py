from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.images import directory, file, image, layer, multi_arch, write_layout
from support.jobs import RecordingJob
from support.pulls import resolve_whole
from support.stored import assembled, by_path, configured

from lkboard.disk.content import digest, read
from lkboard.errors import StoreCorrupt
from lkboard.model.rootfs import EPOCH, Entry, Kind
from lkboard.oci.store.store import Store
from lkboard.rootfs.assemble import AssembleOptions, assemble

if TYPE_CHECKING:
    from pathlib import Path

BASE = "containers/volumes/data"
MULTI = multi_arch()
SINGLE = image(layer(file("a")))


def root(folder: Path, volume: str) -> dict[str, Entry]:
    images = {"lab/multi:v1": MULTI, "lab/single:v1": SINGLE}
    return by_path(assembled(folder, f"volumes: [{{name: data, {volume}}}]", images))


def blobs(found: dict[str, Entry]) -> list[str]:
    prefix = f"{BASE}/lower/blobs/sha256/"
    return [path.removeprefix(prefix) for path in found if path.startswith(prefix)]


@pytest.mark.parametrize("volume", ["", "readonly: true", "format: oci", "format: filesystem"])
def test_a_blank_volume_is_three_directories(volume: str, tmp_path: Path) -> None:
    found = root(tmp_path, volume)
    assert [path for path in found if path.startswith(f"{BASE}/")] == [
        f"{BASE}/{name}" for name in ("lower", "tmp", "merged")
    ]
    assert {(entry.kind, entry.mode, entry.uid, entry.mtime_ns) for entry in found.values()} == {
        (Kind.DIRECTORY, 0o755, 0, EPOCH * 10**9)
    }
    assert (found[BASE].origin.source, found[f"{BASE}/tmp"].origin.source) == ("empty", "linuxkit.volumes")
    assert {entry.origin.location for entry in found.values()} == {"volume[0]"}


@pytest.mark.parametrize("volume", ["image: 'lab/multi:v1'", "image: 'lab/multi:v1', format: filesystem"])
def test_a_volume_may_hold_the_files_of_an_image(volume: str, tmp_path: Path) -> None:
    found = root(tmp_path, volume)
    assert read(found[f"{BASE}/lower/etc/name"].content) == b"multi"
    assert found[f"{BASE}/lower/etc/resolv.conf"].link == "/run/resolvconf/resolv.conf"
    assert found[f"{BASE}/lower"].origin.source == "docker.io/lab/multi:v1"


def test_a_volume_may_hold_an_image_with_all_its_platforms(tmp_path: Path) -> None:
    found = root(tmp_path, "image: 'lab/multi:v1', format: oci")
    assert sorted(blobs(found)) == sorted(name.removeprefix("sha256:") for name in MULTI.blobs)
    for name in blobs(found):
        assert digest(found[f"{BASE}/lower/blobs/sha256/{name}"].content) == f"sha256:{name}"
    assert read(found[f"{BASE}/lower/oci-layout"].content) == b'{\n\t\t"imageLayoutVersion": "1.0.0"\n\t}'
    inside = [entry for path, entry in found.items() if path.startswith(f"{BASE}/lower/")]
    assert {(entry.mtime_ns, entry.uid, entry.mode & 0o777) for entry in inside} == {(0, 0, 0o644), (0, 0, 0o755)}


def test_the_index_names_the_image(tmp_path: Path) -> None:
    found = root(tmp_path, "image: 'lab/multi:v1', format: oci")
    assert json.loads(read(found[f"{BASE}/lower/index.json"].content)) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "size": len(MULTI.data),
                "digest": MULTI.digest,
                "annotations": {"org.opencontainers.image.ref.name": "docker.io/lab/multi:v1"},
            }
        ],
    }


@pytest.mark.parametrize(
    ("platforms", "count"), [("linux/arm64", 5), ("linux/amd64, linux/arm64", 8), ("linux/arm", 1)]
)
def test_platforms_limit_what_is_stored(platforms: str, count: int, tmp_path: Path) -> None:
    found = root(tmp_path, f"image: 'lab/multi:v1', format: oci, platforms: [{platforms}]")
    assert len(blobs(found)) == count
    assert MULTI.digest.removeprefix("sha256:") in blobs(found)


def test_an_image_without_an_index_is_stored_by_itself(tmp_path: Path) -> None:
    found = root(tmp_path, "image: 'lab/single:v1', format: oci")
    (entry,) = json.loads(read(found[f"{BASE}/lower/index.json"].content))["manifests"]
    assert (entry["digest"], entry["mediaType"]) == (SINGLE.digest, SINGLE.media_type)
    assert len(blobs(found)) == 3


def test_a_layer_that_was_not_fetched_is_named(tmp_path: Path) -> None:
    lost = next(name for name, data in MULTI.blobs.items() if len(data) > 1000)
    with pytest.raises(StoreCorrupt, match=f"the blob {lost} is missing"):
        assembled(
            tmp_path,
            "volumes: [{name: data, image: 'lab/multi:v1', format: oci}]",
            {"lab/multi:v1": MULTI.without(lost)},
        )


def test_an_image_needs_no_platform_that_the_system_has(tmp_path: Path) -> None:
    store = Store(write_layout(tmp_path, {"docker.io/lab/multi:v1": MULTI}))
    config = configured("volumes: [{name: data, image: 'lab/multi:v1', format: oci, platforms: [linux/arm64]}]")
    whole = resolve_whole(store, "docker.io/lab/multi:v1", RecordingJob(), "linux/arm64")
    found = by_path(assemble(config, {}, store, AssembleOptions(), RecordingJob(), layouts={0: whole}))
    assert len(blobs(found)) == 5


def test_volumes_are_segments_of_their_own(tmp_path: Path) -> None:
    rootfs = assembled(
        tmp_path, "volumes: [{name: a}, {name: b, image: 'lab/s:v1'}]", {"lab/s:v1": image(layer(directory("x")))}
    )
    assert [segment.name for segment in rootfs.segments] == ["shared directories", "volume[0] a", "volume[1] b"]
