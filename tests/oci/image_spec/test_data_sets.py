"""Unusual but legal images at a real registry, as the distribution specification's conformance suite has them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.faults import FaultProxy, Status
from support.images import OCI, Image, dumps, image, index, layer, write_layout
from support.images import file as a_file
from support.pulls import is_complete, pull, resolve, resolve_whole
from support.registry import running_registry
from support.tools import need

from lkboard.errors import ManifestInvalid, NotFound
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.registry import Registry

pytestmark = pytest.mark.registry

LARGE = 3_900_000


def changed(made: Image, **fields: Any) -> Image:
    """Return an image whose manifest has other fields."""
    data = dumps({**json.loads(made.data), **fields})
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs = {name: blob for name, blob in made.blobs.items() if name != made.digest} | {digest: data}
    return replace(made, data=data, blobs=blobs, manifests={digest: made.media_type})


def with_sha512(made: Image) -> Image:
    """Return a single image whose parts are all named by sha512."""
    fields = json.loads(made.data)
    parts = [fields["config"], *fields["layers"]]
    blobs = {}
    for part in parts:
        data = made.blobs[part["digest"]]
        part["digest"] = "sha512:" + hashlib.sha512(data).hexdigest()
        blobs[part["digest"]] = data
    lean = replace(made, blobs={made.digest: made.data})
    result = changed(lean, config=parts[0], layers=parts[1:])
    return replace(result, blobs={**result.blobs, **blobs})


def test_parts_may_be_named_by_sha512(store: Store, job: RecordingJob, registry: Registry) -> None:
    name = registry.push(with_sha512(image(layer(a_file("a", b"512")))), "sets/sha512:v1")
    found = pull(store, name, job)
    assert is_complete(store, found)
    assert found.layers[0].digest.startswith("sha512:")


def test_parts_that_are_named_by_sha512_arrive_so(
    store: Store, job: RecordingJob, registry: Registry, tmp_path: Path
) -> None:
    made = with_sha512(image(layer(a_file("a", b"push 512"))))
    name = registry.push(made, "sets/sha512:from")
    pull(store, name, job)
    push(store, {name: parse_reference(f"{registry.host}/sets/into512:v1")}, RegistrySettings(), job)
    other = Store(tmp_path / "other")
    assert is_complete(other, pull(other, f"{registry.host}/sets/into512:v1", job))


def test_a_large_manifest_is_read_to_its_end(store: Store, job: RecordingJob, registry: Registry) -> None:
    name = registry.push(image(layer(a_file("a")), annotations={"big": "x" * LARGE}), "sets/large:v1")
    found = pull(store, name, job)
    assert is_complete(store, found)
    assert found.manifest.size > LARGE


def test_unknown_fields_are_kept(store: Store, job: RecordingJob, registry: Registry) -> None:
    made = changed(image(layer(a_file("a"))), **{"org.example.custom": [1, {"deep": None}], "newField": True})
    found = pull(store, registry.push(made, "sets/custom:v1"), job)
    assert store.read(found.manifest) == made.data


def test_an_image_may_have_no_layers(store: Store, job: RecordingJob, registry: Registry) -> None:
    found = pull(store, registry.push(image(), "sets/none:v1"), job)
    assert (found.layers, is_complete(store, found)) == ((), True)


def test_an_artifact_is_no_image(store: Store, job: RecordingJob, registry: Registry) -> None:
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": _digest(b"{}"), "size": 2}
    made = changed(image(layer(a_file("a"))), artifactType="application/x", config=empty)
    made = replace(made, blobs={**made.blobs, _digest(b"{}"): b"{}"})
    with pytest.raises(ManifestInvalid, match="the manifest lists 1 layers, its configuration 0"):
        resolve(store, registry.push(made, "sets/artifact:v1"), job)


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_an_index_may_list_artifacts_beside_images(store: Store, job: RecordingJob, registry: Registry) -> None:
    artifact = changed(image(), artifactType="application/x")
    made = index([replace(artifact, platform={}), image(layer(a_file("a")))])
    assert is_complete(store, pull(store, registry.push(made, "sets/beside:v1"), job))


def test_a_sparse_index_is_whole_for_its_platforms(store: Store, job: RecordingJob, registry: Registry) -> None:
    registry.push(index([image(layer(a_file("a"))), image(architecture="arm64")]), "sets/sparse:v1")
    found = resolve_whole(store, f"{registry.host}/sets/sparse:v1", job, "linux/amd64")
    assert [str(part.platform) for part in found.documents if part.platform] == ["linux/amd64"]


FOREIGN = f"{OCI}.layer.nondistributable.v1.tar+gzip"


def foreign(made: Image) -> Image:
    """Return an image whose only layer is not to be distributed."""
    (part,) = json.loads(made.data)["layers"]
    return changed(made, layers=[part | {"mediaType": FOREIGN, "urls": ["https://elsewhere.invalid/layer"]}])


def test_a_layer_that_is_not_distributed_is_used_where_it_is_there(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    made = foreign(image(layer(a_file("a", b"foreign"))))
    assert is_complete(store, pull(store, registry.push(made, "sets/foreign:v1"), job))


def test_a_layer_that_is_not_distributed_and_not_there_is_named(
    store: Store, job: RecordingJob, registry: Registry
) -> None:
    made = foreign(image(layer(a_file("a", b"not here"))))
    lost = json.loads(made.data)["layers"][0]["digest"]
    name = registry.push(made.without(lost), "sets/away:v1")
    with pytest.raises(NotFound, match=lost) as caught:
        pull(store, name, job)
    assert "https://elsewhere.invalid/layer" in (caught.value.hint or "")


def test_a_layer_that_is_not_distributed_is_not_pushed(
    store: Store, job: RecordingJob, registry: Registry, proxy: FaultProxy
) -> None:
    made = foreign(image(layer(a_file("a", b"kept"))))
    write_layout(store.root, {"x": made})
    push(store, {"x": parse_reference(f"{proxy.host}/sets/kept:v1")}, RegistrySettings(), job)
    lost = json.loads(made.data)["layers"][0]["digest"]
    assert [seen for seen in proxy.requests if lost in seen.path] == []
    assert registry.skopeo("inspect", "--raw", f"docker://{registry.host}/sets/kept:v1").encode() == made.data


@pytest.mark.parametrize("suffix", ["json", "prettyjws"])
def test_an_image_of_schema_1_is_refused_with_a_remedy(
    store: Store, job: RecordingJob, proxy: FaultProxy, suffix: str
) -> None:
    kind = f"application/vnd.docker.distribution.manifest.v1+{suffix}"
    body = dumps({"schemaVersion": 1, "name": "lab/x", "tag": "v1", "fsLayers": [], "history": []})
    proxy.add(Status(200, (("Content-Type", kind),), body), path="manifests/v1")
    with pytest.raises(ManifestInvalid, match="schema 1") as caught:
        resolve(store, f"{proxy.host}/lab/x:v1", job)
    assert "skopeo copy" in (caught.value.hint or "")


def test_a_real_image_of_schema_1_is_refused(
    store: Store, job: RecordingJob, registry: Registry, tmp_path: Path
) -> None:
    """Made by skopeo, in a registry that still takes such images."""
    need("skopeo")
    name = registry.push(with_history(image(layer(a_file("old")))), "sets/new:v1")
    with running_registry(tmp_path, has_schema_1=True) as old:
        options = ("--format", "v2s1", "--src-tls-verify=false", "--dest-tls-verify=false")
        source, target = f"docker://{name}", f"docker://{old.host}/sets/old:v1"
        subprocess.run(["skopeo", "--insecure-policy", "copy", *options, source, target], check=True)
        with pytest.raises(ManifestInvalid, match="schema 1") as caught:
            resolve(store, f"{old.host}/sets/old:v1", job)
    assert "skopeo copy" in (caught.value.hint or "")


def with_history(made: Image) -> Image:
    """Return an image of one layer that says how that was made: schema 1 has nothing else to tell layers by."""
    config = json.loads(made.data)["config"]
    data = dumps({**json.loads(made.blobs[config["digest"]]), "history": [{"created_by": "lab"}]})
    result = changed(made, config={**config, "digest": _digest(data), "size": len(data)})
    return replace(result, blobs={**result.blobs, _digest(data): data})
