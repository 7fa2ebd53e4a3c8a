"""What refers to an image (a signature, a bill of materials), for registries that do not list it themselves.

Such a registry keeps the list as an index under a tag made of the subject's digest (distribution-spec, "Pushing
Manifests with Subject"; registry.md section 9).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lkboard.errors import ManifestInvalid, RegistryError
from lkboard.oci.registry.http_errors import read_body
from lkboard.oci.registry.transport import Request
from lkboard.oci.spec.documents import DOCUMENT_LIMIT, Index, parse_descriptor, parse_document
from lkboard.oci.spec.media_types import ACCEPT, OCI_INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.oci.registry.upload import Upload

_HEADER = "OCI-Subject"
_LONGEST = 64  # characters of a digest in a tag
_ATTEMPTS = 5
_PAUSE = 0.2


def record_referrer(upload: Upload, referrer: Descriptor, data: bytes, answer: Response, job: Job) -> None:
    """Add a manifest that was pushed to the list of its subject, unless it has none or the registry has done it.

    ``answer`` is what the registry said to the manifest. Others may write the list at the same time: it is read again,
    and written again if our entry got lost. Raises `AuthNeeded`, `RegistryError`, `ManifestInvalid`.
    """
    fields = json.loads(data)
    if not fields.get("subject") or _HEADER in answer.headers:
        return
    tag, entry = _tag_for(fields["subject"], upload.where), _entry(referrer, fields)
    for attempt in range(_ATTEMPTS + 1):  # once more, to see what has become of the last one
        listed, version = _read(upload, tag)
        if any(one["digest"] == referrer.digest for one in listed):
            return
        if attempt < _ATTEMPTS:
            job.wait(_PAUSE * attempt)
            _write(upload, tag, [*listed, entry], version)
    raise RegistryError(
        f"others overwrite the list of referrers '{tag}' again and again",
        where=upload.where,
        hint="push it again when nobody else pushes what refers to the same image",
    )


def _tag_for(subject: object, where: str) -> str:
    try:
        algorithm, _, digits = parse_descriptor(subject).digest.partition(":")
    except ValueError as error:
        raise ManifestInvalid(f"its subject cannot be used: {error}", where=where) from error
    return f"{algorithm}-{digits[:_LONGEST]}"


def _entry(referrer: Descriptor, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list says of a manifest: an index has no configuration to take a type from."""
    config = fields.get("config")
    kind = fields.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else None)
    entry = {"mediaType": referrer.media_type, "digest": referrer.digest, "size": referrer.size}
    return entry | ({"artifactType": kind} if kind else {}) | _present(fields, "annotations")


def _present(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: fields[name]} if fields.get(name) else {}


def _read(upload: Upload, tag: str) -> tuple[list[dict[str, Any]], str]:
    """Return the list and its version. Something else under the tag is left alone and is an error."""
    url = upload.endpoint.url(f"manifests/{tag}")
    with upload.send(Request("GET", url, upload.where, headers={"Accept": ACCEPT})) as response:
        if response.status_code == 404:
            return [], ""
        if response.status_code != 200:
            raise upload.client.failure(response, upload.where)
        data = read_body(response, DOCUMENT_LIMIT, upload.where)
    if not isinstance(parse_document(data, "", upload.where), Index):
        raise RegistryError(
            f"the tag '{tag}' should be a list of referrers, and is an image",
            where=upload.where,
            hint="remove that tag from the registry",
        )
    return json.loads(data)["manifests"], response.headers.get("ETag", "")


def _write(upload: Upload, tag: str, listed: list[dict[str, Any]], version: str) -> None:
    """Write the list; a registry that looks at versions refuses if somebody was faster, which is no error."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    data = json.dumps(document, separators=(",", ":")).encode()
    headers = {"Content-Type": OCI_INDEX, **({"If-Match": version} if version else {})}
    request = Request("PUT", upload.endpoint.url(f"manifests/{tag}"), upload.where, headers=headers, body=data)
    with upload.send(request) as response:
        if response.status_code not in {201, 412}:
            raise upload.client.failure(response, upload.where)
