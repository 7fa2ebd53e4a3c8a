"""The list of what refers to an image, kept under a tag where the registry keeps none (registry.md section 9).

It is described in the distribution-spec, "Pushing Manifests with Subject" and "Referrers Tag Schema". Nothing locks it,
and distribution 2.8 does not honour If-Match: who writes it reads it again after a time of quiet, and says so when he
took longer than that himself. If all writers do so, every entry stays, or one of them has said that some may be lost.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

from lkboard.errors import ManifestInvalid, RegistryError
from lkboard.oci.image_spec.documents import DOCUMENT_LIMIT, Index, parse_descriptor, parse_document
from lkboard.oci.image_spec.media_types import ACCEPT, OCI_INDEX
from lkboard.oci.registry.http_errors import Passing, read_body
from lkboard.oci.registry.transport import Request
from lkboard.oci.registry.upload import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.oci.registry.client import RegistryClient
    from lkboard.oci.registry.upload import Upload
    from lkboard.oci.servers.endpoint import Endpoint

_HEADER = "OCI-Subject"
_LONGEST = 64  # characters of a digest in a tag
_ATTEMPTS = 5
_SPREAD = 0.5


def record_referrer(upload: Upload, referrer: Descriptor, data: bytes, answer: Response, job: Job) -> None:
    """Add a manifest that was pushed to the list of its subject, unless it has none or the registry has done it.

    ``answer`` is what the registry said to the manifest. Raises `AuthNeeded`, `RegistryError`, `ManifestInvalid`.
    """
    fields = json.loads(data)
    if not fields.get("subject"):
        return
    subject = _subject(fields["subject"], upload.where)
    if answer.headers.get(_HEADER) == subject.digest:
        return
    tag, entry = referrers_tag(subject.digest), _entry(referrer, fields)
    quiet = upload.limits.quiet_time
    failure = RegistryError(
        f"others overwrite the list of referrers '{tag}' again and again",
        where=upload.where,
        hint="push it again when nobody else pushes what refers to the same image",
    )
    for attempt in range(_ATTEMPTS + 1):  # once more, to see what has become of the last one
        start = time.monotonic()
        listed, version = read_list(upload.client, upload.endpoint, tag, upload.where, ACTIONS)
        if any(one["digest"] == referrer.digest for one in listed):
            return
        if attempt < _ATTEMPTS:
            try:
                _write(upload, tag, [*listed, entry], version)
            except Passing as error:  # nobody knows whether it was written, and what we have read is old by now
                failure = error
            _tell_if_slow(time.monotonic() - start, tag, upload, job)
            job.wait(quiet * random.uniform(1, 1 + _SPREAD))  # noqa: S311 - spreads writers
    raise failure


def referrers_tag(digest: str) -> str:
    """Return the tag of the list for a digest."""
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}-{digits[:_LONGEST]}"


def read_list(
    client: RegistryClient, endpoint: Endpoint, tag: str, where: str, actions: str = "pull"
) -> tuple[list[dict[str, Any]], str]:
    """Return the list under a tag as it is, and its version; it is empty when there is none.

    The login is for ``actions``, as in `RegistryClient.send`. Raises `AuthNeeded`, `ManifestInvalid`, `RegistryError`,
    the last also for something else under the tag.
    """
    request = Request("GET", endpoint.url(f"manifests/{tag}"), where, headers={"Accept": ACCEPT})
    with client.send(endpoint, request, actions) as response:
        if response.status_code == 404:
            return [], ""
        if response.status_code != 200:
            raise client.failure(response, where)
        data = read_body(response, DOCUMENT_LIMIT, where)
    if not isinstance(parse_document(data, "", where), Index):
        raise RegistryError(
            f"the tag '{tag}' should be a list of referrers, and is an image",
            where=where,
            hint="remove that tag from the registry",
        )
    return json.loads(data)["manifests"], response.headers.get("ETag", "")


def _subject(value: object, where: str) -> Descriptor:
    try:
        return parse_descriptor(value)
    except ValueError as error:
        raise ManifestInvalid(f"its subject cannot be used: {error}", where=where) from error


def _entry(referrer: Descriptor, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list says of a manifest: an index has no configuration to take a type from."""
    config = fields.get("config")
    kind = fields.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else None)
    entry = {"mediaType": referrer.media_type, "digest": referrer.digest, "size": referrer.size}
    return entry | ({"artifactType": kind} if kind else {}) | _present(fields, "annotations")


def _present(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: fields[name]} if fields.get(name) else {}


def _write(upload: Upload, tag: str, listed: list[dict[str, Any]], version: str) -> None:
    """Write the list; a registry that looks at versions refuses if somebody was faster, which is no error.

    Raises `Passing` rather than sending it again: others may have written it meanwhile.
    """
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    data = json.dumps(document, separators=(",", ":")).encode()
    headers = {"Content-Type": OCI_INDEX, **({"If-Match": version} if version else {})}
    url = upload.endpoint.url(f"manifests/{tag}")
    with upload.send(Request("PUT", url, upload.where, headers=headers, body=data, is_repeatable=False)) as response:
        if response.status_code not in {201, 412}:
            raise upload.client.failure(response, upload.where)


def _tell_if_slow(seconds: float, tag: str, upload: Upload, job: Job) -> None:
    if seconds > upload.limits.quiet_time:
        job.note(
            f"{upload.where}: it took {seconds:.1f} s to write the list of referrers '{tag}'; what others have added"
            " to it meanwhile may be lost: they should push it again",
            "warning",
        )
