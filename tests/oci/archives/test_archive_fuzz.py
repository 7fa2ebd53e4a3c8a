"""Archives with any JSON in them: imported, or refused with a clear error."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.archives import docker_members, write_tar
from support.images import file, image, layer, tar, write_layout

from lkboard.errors import LkboardError
from lkboard.events import Job
from lkboard.oci.archives.importing import import_archive
from lkboard.oci.store.store import Store

PLAIN = layer(file("a"), compression="none")
SINGLE = image(PLAIN)
NAMES = ["lab/x:v1", "", "a b", "config", "layer", SINGLE.digest, PLAIN.digest, "../up", "/abs", "\n", "é"]
KEYS = ["manifests", "annotations", "mediaType", "digest", "size", "platform", "data", "urls", "Config", "RepoTags"]
KEYS += ["Layers", "rootfs", "diff_ids", "config", "layers", "parent", "id", "org.opencontainers.image.ref.name"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1 << 70) | st.floats() | st.sampled_from(NAMES) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner),
    max_leaves=12,
)
MANY = settings(max_examples=100)


def attempt(path: Path, folder: str) -> None:
    store = Store(Path(folder, "store"))
    with suppress(LkboardError):
        assert {*import_archive(store, path, Job())} == {*store.names()}


@MANY
@given(st.builds(lambda one: [one], json_values) | json_values)
def test_any_list_of_a_docker_archive(document: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [file("config", b"{}"), file("layer", PLAIN.data), file("manifest.json", json.dumps(document).encode())]
        attempt(write_tar(Path(folder, "x.tar"), *files), folder)


@MANY
@given(st.sampled_from(["Config", "RepoTags", "Layers"]), json_values)
def test_any_field_of_a_docker_archive(key: str, value: Any) -> None:
    members = docker_members([PLAIN], ["lab/x:v1"])
    manifest = json.loads(members[-1].data)
    manifest[0][key] = value
    members[-1] = file("manifest.json", json.dumps(manifest).encode())
    with tempfile.TemporaryDirectory() as folder:
        attempt(write_tar(Path(folder, "x.tar"), *members), folder)


@MANY
@given(json_values, json_values)
def test_any_description_in_an_ancient_archive(names: Any, about: Any) -> None:
    members = [file("repositories", json.dumps(names).encode()), file("id/json", json.dumps(about).encode())]
    with tempfile.TemporaryDirectory() as folder:
        attempt(write_tar(Path(folder, "x.tar"), *members, file("id/layer.tar", PLAIN.data)), folder)


@MANY
@given(json_values)
def test_any_index_of_a_layout(document: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = write_layout(Path(folder, "layout"), {"docker.io/lab/x:v1": SINGLE})
        (layout / "index.json").write_text(json.dumps(document))
        attempt(layout, folder)


@MANY
@given(st.sampled_from(["annotations", "digest", "size", "platform", "mediaType", "data"]), json_values)
def test_any_entry_of_a_layout(key: str, value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = write_layout(Path(folder, "layout"), {"docker.io/lab/x:v1": SINGLE})
        index = json.loads((layout / "index.json").read_bytes())
        index["manifests"][0][key] = value
        (layout / "index.json").write_text(json.dumps(index))
        attempt(layout, folder)


@MANY
@given(st.binary(max_size=2000), st.integers(0, 3000))
def test_any_bytes_in_a_tar(noise: bytes, at: int) -> None:
    data = bytearray(tar(*docker_members([PLAIN], ["lab/x:v1"])))
    data[at : at + len(noise)] = noise
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.tar")
        path.write_bytes(data)
        attempt(path, folder)
