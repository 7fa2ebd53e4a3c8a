"""Manifests, indexes and configurations: what is read, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.images import image, index, layer, multi_arch

from lkboard.errors import ManifestInvalid
from lkboard.model.image import Descriptor, Platform
from lkboard.oci.image_spec.digest import digest_of
from lkboard.oci.image_spec.documents import (
    Index,
    Manifest,
    descriptor_fields,
    parse_descriptor,
    parse_document,
    parse_image_config,
)
from lkboard.oci.image_spec.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

DIGEST = digest_of(b"x")
BLOB = {"mediaType": "application/octet-stream", "digest": DIGEST, "size": 1}


def manifest_fields(**changes: Any) -> dict[str, Any]:
    fields = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": BLOB, "layers": [BLOB]} | changes
    return {name: value for name, value in fields.items() if value is not ...}


def refusal(data: bytes, media_type: str = "") -> str:
    with pytest.raises(ManifestInvalid) as caught:
        parse_document(data, media_type, "lab/x:v1")
    assert caught.value.where == "lab/x:v1"
    return caught.value.message


@pytest.mark.parametrize("docker", [False, True])
def test_a_manifest_names_its_configuration_and_layers(docker: bool) -> None:
    top = layer(docker=docker)
    made = image(top, docker=docker)
    document = parse_document(made.data, made.media_type, "x")
    assert isinstance(document, Manifest)
    assert document.media_type == (DOCKER_MANIFEST if docker else OCI_MANIFEST)
    assert [part.digest for part in document.layers] == [top.digest]
    assert document.config.digest in made.blobs


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_names_its_images_with_their_platforms(docker: bool) -> None:
    made = index([image(architecture="amd64"), image(architecture="arm64", variant="v8")], docker=docker)
    document = parse_document(made.data, made.media_type, "x")
    assert isinstance(document, Index)
    assert document.media_type == (DOCKER_LIST if docker else OCI_INDEX)
    assert [str(entry.platform) for entry in document.manifests] == ["linux/amd64", "linux/arm64/v8"]


def test_a_document_may_leave_its_type_to_its_descriptor() -> None:
    document = parse_document(json.dumps(manifest_fields(mediaType=...)).encode(), OCI_MANIFEST, "x")
    assert document.media_type == OCI_MANIFEST


@pytest.mark.parametrize(
    ("fields", "expected"),
    [(manifest_fields(mediaType=...), OCI_MANIFEST), ({"schemaVersion": 2, "manifests": []}, OCI_INDEX)],
)
def test_a_document_that_nobody_names_is_known_by_its_shape(fields: dict[str, Any], expected: str) -> None:
    assert parse_document(json.dumps(fields).encode(), "", "x").media_type == expected


def test_unknown_fields_do_not_matter() -> None:
    fields = manifest_fields(future={"a": [1]}, artifactType="x/y", subject=BLOB)
    assert isinstance(parse_document(json.dumps(fields).encode(), OCI_MANIFEST, "x"), Manifest)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b"\xff{}", "utf-8"),
        (b"{}", "neither an image nor an index"),
        (b'{"mediaType": "application/vnd.docker.distribution.manifest.v1+json"}', "manifest.v1+json"),
        (b'{"mediaType": 5}', "'mediaType' is not a text"),
        (b'{"mediaType": "a", "mediaType": "a"}', "twice"),
        (b'{"config": {"a": 1, "a": 2}}', "twice"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_a_manifest_is_refused(data: bytes, said: str) -> None:
    assert said in refusal(data)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"manifests": []}, "both 'manifests' and 'layers'"),
        ({"config": ...}, "'config' is missing"),
        ({"config": []}, "a descriptor is not an object"),
        ({"layers": ...}, "'layers' is not a list"),
        ({"layers": {}}, "'layers' is not a list"),
        ({"layers": [1]}, "a descriptor is not an object"),
        ({"layers": [BLOB | {"size": -1}]}, "-1 is not a size"),
        ({"layers": [BLOB | {"size": 2**63}]}, "is not a size"),
        ({"layers": [BLOB | {"size": 1.5}]}, "1.5 is not a size"),
        ({"layers": [BLOB | {"size": True}]}, "True is not a size"),
        ({"layers": [BLOB | {"size": "1"}]}, "'1' is not a size"),
        ({"layers": [{"digest": DIGEST}]}, "'size' is missing"),
        ({"layers": [BLOB | {"digest": "sha256:12"}]}, "'sha256:12' is not a digest"),
        ({"layers": [BLOB | {"digest": "md5:" + "0" * 32}]}, "is not a digest"),
        ({"layers": [BLOB | {"digest": "../../etc/passwd"}]}, "is not a digest"),
        ({"layers": [BLOB | {"digest": DIGEST.upper()}]}, "is not a digest"),
        ({"layers": [BLOB | {"digest": 5}]}, "'digest' is not a text"),
        ({"layers": [BLOB | {"urls": "x"}]}, "'urls' is not a list"),
        ({"layers": [BLOB | {"urls": [1]}]}, "'urls' is not a list"),
        ({"layers": [BLOB | {"annotations": []}]}, None),
        ({"layers": [BLOB | {"annotations": ["a"]}]}, "'annotations' is not an object"),
        ({"layers": [BLOB | {"annotations": {"a": 1}}]}, "'a' is not a text"),
        ({"layers": [BLOB | {"data": "?"}]}, "base64"),
        ({"layers": [BLOB | {"platform": "linux"}]}, "'platform' is not an object"),
    ],
)
def test_a_broken_manifest_is_refused_with_the_reason(changes: dict[str, Any], said: str | None) -> None:
    data = json.dumps(manifest_fields(**changes)).encode()
    if said is None:
        assert parse_document(data, OCI_MANIFEST, "x")
    else:
        assert said in refusal(data)


def test_a_manifest_must_be_what_its_descriptor_says() -> None:
    assert f"served as '{OCI_INDEX}'" in refusal(json.dumps(manifest_fields()).encode(), OCI_INDEX)


def test_embedded_data_is_kept_when_it_is_right() -> None:
    descriptor = parse_descriptor(BLOB | {"data": base64.b64encode(b"x").decode()})
    assert descriptor.data == b"x"


@pytest.mark.parametrize("data", [b"y", b"xx", b""])
def test_embedded_data_that_is_wrong_is_ignored(data: bytes) -> None:
    assert parse_descriptor(BLOB | {"data": base64.b64encode(data).decode()}).data is None


def test_a_configuration_is_read() -> None:
    made = multi_arch()
    manifest = parse_document(
        made.blobs[parse_document(made.data, "", "x").manifests[1].digest],  # type: ignore[union-attr]
        OCI_MANIFEST,
        "x",
    )
    assert isinstance(manifest, Manifest)
    config = parse_image_config(made.blobs[manifest.config.digest], "x")
    assert config.platform == Platform("linux", "arm64")
    assert (config.entrypoint, config.cmd) == (("/bin/tool",), ("--serve",))
    assert (config.env, config.working_dir) == (("PATH=/bin",), "/srv")
    assert len(config.diff_ids) == 2


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([{"created_by": "COPY a /"}, {"created_by": "RUN  b \\\n  && c"}], ("COPY a /", "RUN b \\ && c")),
        ([{"created_by": "a"}, {"created_by": "ENV x", "empty_layer": True}, {"comment": "b"}], ("a", "b")),
        ([{}, {}], ("", "")),
        ([{"created_by": "a"}], ()),
        ([{"created_by": "a"}, "b"], ()),
        (None, ()),
        ("ab", ()),
        ([{"created_by": 1}, {"created_by": None}], ("1", "")),
    ],
)
def test_the_history_says_how_each_layer_was_made(history: Any, expected: tuple[str, ...]) -> None:
    fields = {"rootfs": {"diff_ids": [DIGEST, DIGEST]}, "history": history}
    assert parse_image_config(json.dumps(fields).encode(), "x").history == expected


@pytest.mark.parametrize(
    ("config", "field", "expected"),
    [
        (None, "entrypoint", None),
        ({}, "cmd", None),
        ({"Cmd": None}, "cmd", None),
        ({"Cmd": []}, "cmd", ()),
        ({"Env": ["A=1", "A=1"]}, "env", ("A=1", "A=1")),
        ({"Labels": {"b": "2", "a": "1"}}, "labels", (("a", "1"), ("b", "2"))),
        ({"Labels": None}, "labels", ()),
        ({"Labels": {"a": None}}, "labels", (("a", ""),)),
        ({"WorkingDir": None}, "working_dir", ""),
        ({"User": 5, "Volumes": []}, "working_dir", ""),
    ],
)
def test_what_an_image_does_not_set_stays_unset(config: object, field: str, expected: object) -> None:
    data = json.dumps({"architecture": "amd64", "os": "linux", "config": config}).encode()
    assert getattr(parse_image_config(data, "x"), field) == expected


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"config": []}, None),
        ({"config": [1]}, "'config' is not an object"),
        ({"config": {"Cmd": "sh"}}, "'Cmd' is not a list of texts"),
        ({"config": {"Env": [1]}}, "'Env' is not a list of texts"),
        ({"config": {"WorkingDir": 1}}, "'WorkingDir' is not a text"),
        ({"config": {"Labels": {"a": 1}}}, "'a' is not a text"),
        ({"architecture": 1}, "'architecture' is not a text"),
        ({"rootfs": {"diff_ids": ["sha256:1"]}}, "'sha256:1' is not a digest"),
        ({"rootfs": "x"}, "'rootfs' is not an object"),
    ],
)
def test_a_broken_configuration_is_refused_with_the_reason(fields: dict[str, Any], said: str | None) -> None:
    data = json.dumps(fields).encode()
    if said is None:
        assert parse_image_config(data, "x").cmd is None
        return
    with pytest.raises(ManifestInvalid) as caught:
        parse_image_config(data, "lab/x")
    assert said in caught.value.message
    assert "image configuration" in caught.value.message


texts = st.text(max_size=20)
platforms = st.builds(Platform, texts, texts, texts)
descriptors = st.builds(
    lambda data, embedded, **more: Descriptor(
        digest=digest_of(data), size=len(data), data=data if embedded and data else None, **more
    ),
    data=st.binary(max_size=50),
    embedded=st.booleans(),
    media_type=texts,
    platform=st.none() | platforms,
    annotations=st.dictionaries(texts, texts, max_size=3).map(lambda pairs: tuple(pairs.items())),
    urls=st.lists(texts, max_size=2).map(tuple),
)


@given(descriptors)
def test_a_written_descriptor_reads_back_as_itself(descriptor: Descriptor) -> None:
    assert parse_descriptor(json.loads(json.dumps(descriptor_fields(descriptor)))) == descriptor


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
    )
)
def test_no_json_whatever_breaks_the_reader(value: object) -> None:
    data = json.dumps(value).encode()
    with pytest.raises(ManifestInvalid):
        parse_document(data, "", "x")
