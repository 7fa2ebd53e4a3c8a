"""The registry of our own that lists referrers is one: skopeo thinks so, and it answers as the specification says."""

from __future__ import annotations

import http.client
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.images import Image, digest, dumps, image, multi_arch, write_layout
from support.listing_registry import INDEX, ListingRegistry
from support.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MADE = multi_arch("listing")


@pytest.fixture
def listing() -> Iterator[ListingRegistry]:
    with ListingRegistry() as running:
        yield running


def skopeo(*arguments: str) -> str:
    need("skopeo")
    done = subprocess.run(["skopeo", "--insecure-policy", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def ask(
    listing: ListingRegistry, method: str, path: str, body: bytes = b"", kind: str = ""
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(listing.host)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def put(listing: ListingRegistry, made: Image, name: str) -> dict[str, str]:
    """Push a manifest of an image without layers; its configuration first."""
    for one, data in made.blobs.items():
        if one != made.digest:
            location = ask(listing, "POST", "/v2/lab/x/blobs/uploads/")[1]["Location"]
            assert ask(listing, "PUT", f"{location}?digest={one}", data)[0] == 201
    status, headers, _body = ask(listing, "PUT", f"/v2/lab/x/manifests/{name}", made.data, made.media_type)
    assert status == 201
    return headers


def listed(listing: ListingRegistry, subject: str, query: str = "") -> tuple[dict[str, str], list[Any]]:
    status, headers, body = ask(listing, "GET", f"/v2/lab/x/referrers/{subject}{query}")
    assert (status, headers["Content-Type"]) == (200, INDEX)
    return headers, json.loads(body)["manifests"]


@pytest.mark.registry
def test_skopeo_pushes_and_pulls(listing: ListingRegistry, tmp_path: Path) -> None:
    write_layout(tmp_path / "from", {"it": MADE})
    there, back = f"docker://{listing.host}/lab/x:v1", tmp_path / "to"
    skopeo("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{tmp_path / 'from'}:it", there)
    skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", there, f"oci:{back}:it")
    names = {path.name for path in (back / "blobs/sha256").iterdir()}
    assert {one.removeprefix("sha256:") for one in MADE.blobs} <= names
    assert listing.tags("lab/x") == ["v1"]


def test_a_blob_with_another_digest_is_refused(listing: ListingRegistry) -> None:
    location = ask(listing, "POST", "/v2/lab/x/blobs/uploads/")[1]["Location"]
    assert ask(listing, "PUT", f"{location}?digest={digest(b'a')}", b"b")[0] == 400


def test_a_manifest_without_its_blobs_is_refused(listing: ListingRegistry) -> None:
    made = image()
    assert ask(listing, "PUT", "/v2/lab/x/manifests/v1", made.data, made.media_type)[0] == 404


def test_nothing_refers_to_what_is_not_there(listing: ListingRegistry) -> None:
    assert listed(listing, digest(b"nothing"))[1] == []


def test_what_is_no_digest_is_refused(listing: ListingRegistry) -> None:
    assert ask(listing, "GET", "/v2/lab/x/referrers/latest")[0] == 400


def test_a_subject_is_acknowledged_and_need_not_be_there(listing: ListingRegistry) -> None:
    subject = image(annotations={"what": "subject"})
    made = image()
    data = dumps({**json.loads(made.data), "subject": subject.descriptor, "annotations": {"a": "b"}})
    put(listing, made, "v1")
    headers = ask(listing, "PUT", f"/v2/lab/x/manifests/{digest(data)}", data, made.media_type)[1]
    assert headers["OCI-Subject"] == subject.digest
    assert listed(listing, subject.digest)[1] == [
        {
            "mediaType": made.media_type,
            "digest": digest(data),
            "size": len(data),
            "artifactType": "application/vnd.oci.image.config.v1+json",
            "annotations": {"a": "b"},
        }
    ]
