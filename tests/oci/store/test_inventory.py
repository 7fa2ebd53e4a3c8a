"""What a store has, image by image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attestations import attestation, attested, statement
from support.images import dumps, file, image, index, layer, write_layout

from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.media_types import OCI_MANIFEST
from lkboard.oci.store.inventory import list_images

if TYPE_CHECKING:
    from support.images import Image

    from lkboard.model.stored import StoredImage
    from lkboard.oci.store.store import Store

NAME = "docker.io/lab/x:v1"
AMD64 = image(layer(file("a")))
ARM64 = image(layer(file("b")), architecture="arm64")
ARM = image(layer(file("c")), architecture="arm", variant="v7")
BOTH = index([AMD64, ARM64])


def listed(store: Store, one: Image) -> StoredImage:
    (found,) = list_images_of(store, one)
    return found


def list_images_of(store: Store, one: Image) -> tuple[StoredImage, ...]:
    write_layout(store.root, {NAME: one})
    return list_images(store)


def platforms(found: StoredImage) -> dict[str, bool]:
    return {one.platform: one.is_complete for one in found.platforms}


def test_an_empty_store_has_no_images(store: Store) -> None:
    assert list_images(store) == ()


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (AMD64, {"linux/amd64": True}),
        (BOTH, {"linux/amd64": True, "linux/arm64": True}),
        (BOTH.without(*ARM64.blobs), {"linux/amd64": True, "linux/arm64": False}),
        (BOTH.without(list(ARM64.blobs)[1]), {"linux/amd64": True, "linux/arm64": False}),
        (index([index([ARM])]), {"linux/arm/v7": True}),
        (attested({"amd64": AMD64}, {"amd64": [attestation(statement({}))]}), {"linux/amd64": True}),
    ],
    ids=["single", "index", "manifest missing", "layer missing", "nested", "attested"],
)
def test_platforms_are_listed_with_whether_they_are_whole(store: Store, one: Image, expected: dict[str, bool]) -> None:
    found = listed(store, one)
    assert platforms(found) == expected
    assert (found.name, found.digest, found.media_type, found.fault) == (NAME, one.digest, one.media_type, "")
    assert found.size_bytes == sum(map(len, one.blobs.values()))


def test_images_are_sorted_by_name(store: Store) -> None:
    write_layout(store.root, {"docker.io/b:1": AMD64, "docker.io/a:1": ARM64})
    assert [found.name for found in list_images(store)] == ["docker.io/a:1", "docker.io/b:1"]


def test_an_image_without_a_name_is_listed(store: Store) -> None:
    write_layout(store.root, {NAME: AMD64})
    (store.root / "index.json").write_bytes(dumps({"schemaVersion": 2, "manifests": [AMD64.descriptor]}))
    assert [(found.name, found.digest) for found in list_images(store)] == [("", AMD64.digest)]


def test_a_missing_manifest_is_told(store: Store) -> None:
    found = listed(store, AMD64.without(AMD64.digest))
    assert (found.fault, found.platforms, found.size_bytes) == ("its manifest is missing", (), 0)


def test_a_damaged_manifest_is_told(store: Store) -> None:
    write_layout(store.root, {NAME: AMD64})
    store.blob_path(AMD64.digest).write_bytes(bytes(len(AMD64.data)))
    (found,) = list_images(store)
    assert found.fault == f"the blob {AMD64.digest} is damaged"


def test_what_is_no_image_has_no_platforms(store: Store) -> None:
    """Such as the list of Debian packages."""
    fields = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": store.add(b"{}"), "size": 2}
    data = dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": fields, "layers": []})
    store.set_name(NAME, Descriptor(OCI_MANIFEST, store.add(data), len(data)))
    (found,) = list_images(store)
    assert (found.platforms, found.fault, found.size_bytes) == ((), "", len(data) + 2)


def test_indexes_that_list_each_other_many_times_end(store: Store) -> None:
    """A hundred times a hundred times a hundred entries, of which each leads to the same image."""
    inner = index([ARM64])
    middle = index([inner] * 100)
    outer = index([middle] * 100)
    assert platforms(listed(store, index([outer] * 100))) == {"linux/arm64": True}


def test_indexes_that_are_nested_too_deeply_are_told(store: Store) -> None:
    one = index([AMD64])
    for _ in range(5):
        one = index([one])
    assert "nested more than 4 deep" in listed(store, one).fault


def test_one_manifest_may_be_for_several_platforms(store: Store) -> None:
    extra = ARM64.descriptor | {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    assert platforms(listed(store, index([ARM64], extra=[extra]))) == {"linux/arm64": True, "linux/arm64/v8": True}
