"""The images of large indexes, found in bounded time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pytest
from support.images import dumps

from lkboard.errors import Cancelled
from lkboard.events import Job
from lkboard.model.extents import FileSpan
from lkboard.model.image import Descriptor
from lkboard.oci.image_spec.media_types import OCI_INDEX, OCI_MANIFEST
from lkboard.oci.store.blobs import Blobs
from lkboard.oci.store.graph import members

MANY = 12_000  # as many as fit into the largest index that is read


def fields(number: int, **more: object) -> dict[str, object]:
    return {"mediaType": OCI_MANIFEST, "digest": f"sha256:{number:064x}", "size": 1, **more}


def platform(architecture: str) -> dict[str, object]:
    return {"platform": {"os": "linux", "architecture": architecture}}


def attesting(number: int) -> dict[str, object]:
    """Return the attestation of an image."""
    notes = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": f"sha256:{number:064x}",
    }
    return fields(MANY + number, **platform("unknown"), annotations=notes)


@dataclass
class Folder:
    """Documents on a disk, and how often each was read."""

    path: str
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def add(self, *entries: dict[str, object]) -> Descriptor:
        data = dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)})
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        with open(self.path, "ab") as file:  # noqa: PTH123
            self.sizes[digest] = file.tell(), len(data)
            file.write(data)
        return Descriptor(OCI_INDEX, digest, len(data))

    def find(self, digest: str) -> FileSpan | None:
        if digest not in self.sizes:
            return None
        self.read.append(digest)
        return FileSpan(self.path, *self.sizes[digest])


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(str(tmp_path_factory.mktemp("folder") / "blobs"))


def nested(inner: Descriptor, architecture: str) -> dict[str, object]:
    return {"mediaType": OCI_INDEX, "digest": inner.digest, "size": inner.size, **platform(architecture)}


def test_a_large_index_takes_one_look_at_each_entry(folder: Folder) -> None:
    """Looking at all of them for each would take minutes."""
    half = MANY // 2
    entries = [fields(number, **platform(f"a{number}")) for number in range(half)]
    root = folder.add(*entries, *(attesting(number) for number in range(half)))
    found = members(root, Blobs(folder.find, ""), "x")
    assert len(found) == half
    assert all(int(one.attestations[0].digest[7:], 16) == MANY + int(one.manifest.digest[7:], 16) for one in found)


def test_an_index_that_is_listed_often_is_read_once(folder: Folder) -> None:
    inner = folder.add(fields(1, **platform("amd64")))
    root = folder.add(*(nested(inner, f"a{number}") for number in range(100)))
    assert len(members(root, Blobs(folder.find, ""), "x")) == 1
    assert folder.read == [root.digest, inner.digest]


def test_one_manifest_may_be_for_several_platforms(folder: Folder) -> None:
    root = folder.add(*(fields(1, **platform(name)) for name in ("amd64", "arm64", "amd64")))
    assert [str(one.platform) for one in members(root, Blobs(folder.find, ""), "x")] == ["linux/amd64", "linux/arm64"]


def test_it_can_be_stopped(folder: Folder) -> None:
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        members(folder.add(fields(1)), Blobs(folder.find, ""), "x", job)
