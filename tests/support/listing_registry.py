"""A small registry that lists referrers, as distribution-spec 1.1 has it and Debian's docker-registry does not.

    with ListingRegistry() as registry:
        ... push to registry.host ...
        assert registry.requests == ["GET /v2/lab/x/referrers/sha256:…"]

It keeps everything in memory, and knows nothing of lkboard. What it does is written in the specification, of which
methods name the sections; `tests/oci/registry/test_listing_registry.py` lets skopeo judge it.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

INDEX = "application/vnd.oci.image.index.v1+json"
_NAME = r"/v2/(?P<name>[a-z0-9]+(?:[._/-][a-z0-9]+)*)"
_DIGEST = r"sha256:[0-9a-f]{64}"


@dataclass
class _Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)


class ListingRegistry:
    """See the module. ``page`` is how many referrers are listed at once, ``filters`` whether it filters by type."""

    def __init__(self, *, page: int = 1000, filters: bool = True) -> None:
        self.page = page
        self.filters = filters
        self.requests: list[str] = []
        self._repositories: dict[str, _Repository] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def host(self) -> str:
        """The domain part of references."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def tags(self, name: str) -> list[str]:
        """Return the tags of a repository."""
        return sorted(self._repositories[name].tags)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(_Handler):
            registry = owner

        return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: ListingRegistry

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        body = self._chunks() if "Transfer-Encoding" in self.headers else self._whole()
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.registry._lock:
            self.registry.requests.append(f"{self.command} {self.path}")
            self._route(parts.path, query, body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names that http.server calls

    def _whole(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> bytes:
        """Read a body in chunks, as skopeo sends what it does not know the size of (RFC 9112, section 7.1)."""
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _route(self, path: str, query: Mapping[str, str], body: bytes) -> None:
        routes = {
            "/v2/?": self._support,
            rf"{_NAME}/blobs/uploads/(?P<session>[0-9a-f-]*)": self._upload,
            rf"{_NAME}/blobs/(?P<digest>{_DIGEST})": self._blob,
            rf"{_NAME}/manifests/(?P<reference>[A-Za-z0-9_][A-Za-z0-9._:-]{{0,127}})": self._manifest,
            rf"{_NAME}/referrers/(?P<digest>.+)": self._referrers,
        }
        for pattern, answer in routes.items():
            if match := re.fullmatch(pattern, path):
                named = match.groupdict()
                name = named.pop("name", "")
                answer(self.registry._repositories.setdefault(name, _Repository()), name, query, body, **named)
                return
        self._refuse(404, "UNSUPPORTED")

    def _support(self, _repository: _Repository, _name: str, _query: Mapping[str, str], _body: bytes) -> None:
        self._answer(200)

    def _blob(
        self, repository: _Repository, _name: str, _query: Mapping[str, str], _body: bytes, *, digest: str
    ) -> None:
        """Pulling blobs."""
        if digest not in repository.blobs:
            self._refuse(404, "BLOB_UNKNOWN")
        elif self.command == "DELETE":
            self._refuse(405, "UNSUPPORTED")
        else:
            headers = {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"}
            self._answer(200, headers, repository.blobs[digest])

    def _upload(
        self, repository: _Repository, name: str, query: Mapping[str, str], body: bytes, *, session: str
    ) -> None:
        """Pushing blobs: POST then PUT, in chunks, or mounting one of another repository."""
        if self.command == "POST":
            self._begin(repository, name, query)
        elif session not in repository.uploads:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
        elif self.command == "PATCH":
            start = self.headers.get("Content-Range", f"{len(repository.uploads[session])}-").partition("-")[0]
            if int(start) != len(repository.uploads[session]):
                self._answer(416)
                return
            repository.uploads[session] += body
            end = len(repository.uploads[session]) - 1
            self._answer(202, {"Location": f"/v2/{name}/blobs/uploads/{session}", "Range": f"0-{end}"})
        elif self.command == "PUT":
            data = repository.uploads.pop(session) + body
            digest = query.get("digest", "")
            if digest != _digest(data):
                self._refuse(400, "DIGEST_INVALID")
                return
            repository.blobs[digest] = data
            self._answer(201, {"Location": f"/v2/{name}/blobs/{digest}"})
        else:
            del repository.uploads[session]
            self._answer(204)

    def _begin(self, repository: _Repository, name: str, query: Mapping[str, str]) -> None:
        source = self.registry._repositories.get(query.get("from", ""), _Repository())
        if (digest := query.get("mount")) and digest in source.blobs:
            repository.blobs[digest] = source.blobs[digest]
            self._answer(201, {"Location": f"/v2/{name}/blobs/{digest}"})
            return
        session = str(uuid.uuid4())
        repository.uploads[session] = b""
        self._answer(202, {"Location": f"/v2/{name}/blobs/uploads/{session}"})

    def _manifest(
        self, repository: _Repository, name: str, _query: Mapping[str, str], body: bytes, *, reference: str
    ) -> None:
        """Pulling and pushing manifests."""
        if self.command == "PUT":
            self._take_manifest(repository, name, body, reference)
            return
        digest = repository.tags.get(reference, reference)
        if digest not in repository.manifests:
            self._refuse(404, "MANIFEST_UNKNOWN")
            return
        media_type, data = repository.manifests[digest]
        self._answer(200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, data)

    def _take_manifest(self, repository: _Repository, name: str, body: bytes, reference: str) -> None:
        """Pushing manifests, and with a subject: that need not be there (1.1), all else must."""
        digest, fields = _digest(body), json.loads(body)
        media_type = self.headers["Content-Type"]
        if fields.get("mediaType", media_type) != media_type:
            self._refuse(400, "MANIFEST_INVALID")
            return
        if re.fullmatch(_DIGEST, reference) and reference != digest:
            self._refuse(400, "DIGEST_INVALID")
            return
        blobs = [fields["config"], *fields["layers"]] if "config" in fields else []
        if any(blob["digest"] not in repository.blobs for blob in blobs):
            self._refuse(404, "MANIFEST_BLOB_UNKNOWN")
            return
        repository.manifests[digest] = (media_type, body)
        if reference != digest:
            repository.tags[reference] = digest
        subject = fields.get("subject")
        headers = {"OCI-Subject": subject["digest"]} if subject else {}
        location = f"/v2/{name}/manifests/{digest}"
        self._answer(201, {"Location": location, "Docker-Content-Digest": digest, **headers})

    def _referrers(
        self, repository: _Repository, name: str, query: Mapping[str, str], _body: bytes, *, digest: str
    ) -> None:
        """Listing referrers: an index, also of nothing; filtered if it says so; with Link if there is more."""
        if not re.fullmatch(_DIGEST, digest):
            self._refuse(400, "DIGEST_INVALID")
            return
        found = [_referrer(one, *what) for one, what in repository.manifests.items() if _subject(what[1]) == digest]
        headers = {"Content-Type": INDEX}
        kind = query.get("artifactType", "")
        if kind and self.registry.filters:
            found = [one for one in found if one.get("artifactType") == kind]
            headers["OCI-Filters-Applied"] = "artifactType"
        start = int(query.get("start", 0))
        end = start + self.registry.page
        if end < len(found):
            more = f"artifactType={kind}&start={end}" if kind else f"start={end}"
            headers["Link"] = f'</v2/{name}/referrers/{digest}?{more}>; rel="next"'
        self._answer(200, headers, _dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": found[start:end]}))

    def _refuse(self, status: int, code: str) -> None:
        """Error codes."""
        self._answer(
            status, {"Content-Type": "application/json"}, _dumps({"errors": [{"code": code, "message": code}]})
        )

    def _answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _referrer(digest: str, media_type: str, data: bytes) -> dict[str, Any]:
    """Return a referrer as it is listed: with its type of artifact, or that of its configuration, and annotations."""
    fields = json.loads(data)
    entry = {"mediaType": media_type, "digest": digest, "size": len(data)}
    kind = fields.get("artifactType") or fields.get("config", {}).get("mediaType")
    return entry | {
        name: value for name, value in (("artifactType", kind), ("annotations", fields.get("annotations"))) if value
    }


def _subject(data: bytes) -> str:
    return str((json.loads(data).get("subject") or {}).get("digest", ""))


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _dumps(document: Any) -> bytes:
    return json.dumps(document).encode()
