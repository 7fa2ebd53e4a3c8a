"""A registry's API: manifests and blobs by name and digest (distribution-spec; registry.md section 6)."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from lkboard.errors import AuthNeeded, DigestMismatch, ManifestInvalid, NotFound, OciError, RegistryError
from lkboard.oci.image_spec.digest import algorithm_of, digest_of, is_digest
from lkboard.oci.image_spec.documents import DOCUMENT_LIMIT, parse_document
from lkboard.oci.image_spec.media_types import ACCEPT, SCHEMA_1
from lkboard.oci.registry.auth import Login
from lkboard.oci.registry.challenge import parse_challenges
from lkboard.oci.registry.http_errors import read_body, read_complaint, refusal
from lkboard.oci.registry.transport import Request, Transport
from lkboard.oci.servers.credentials import find_credential
from lkboard.oci.servers.policy import Policy
from lkboard.oci.servers.settings import RegistrySettings
from lkboard.oci.servers.urls import origin_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from lkboard.events import Job
    from lkboard.model.reference import Reference
    from lkboard.oci.servers.endpoint import Endpoint

__all__ = ["Fetched", "RegistryClient", "RegistrySettings"]

T = TypeVar("T")

_ATTEMPTS_TO_LOG_IN = 3
_LOSSES = 2  # failures in a row after which an endpoint is asked last
_REMOTE = (AuthNeeded, DigestMismatch, ManifestInvalid, NotFound, RegistryError)
_FAULTS = (ManifestInvalid, RegistryError)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest or index as it came, its digest checked or computed."""

    media_type: str
    digest: str
    data: bytes


class RegistryClient:
    """Talks to all registries of a run. One object serves all threads; ``transport`` is what it talks through."""

    def __init__(self, settings: RegistrySettings, job: Job) -> None:
        self._settings = settings
        self._job = job
        self.transport = Transport(settings, job)
        self._policy = Policy(settings, self.transport.connections.scheme_of, lambda text: job.note(text, "debug"))
        self._logins: dict[tuple[str, str], Login] = {}
        self._lock = threading.Lock()
        self._losses: Counter[str] = Counter()
        self._told: set[str] = set()

    def manifest(self, reference: Reference, wanted: str, *, known: str = "") -> Fetched | None:
        """Return the manifest or index that is called ``wanted`` (tag or digest); None if it still is ``known``.

        Raises `NotFound`, `AuthNeeded`, `RegistryError`, `DigestMismatch`, and `ManifestInvalid` for what a tag means.
        """
        is_tag = not is_digest(wanted)
        return self.first(reference, lambda endpoint: self._manifest(endpoint, reference, wanted, known), is_tag=is_tag)

    def first(self, reference: Reference, ask: Callable[[Endpoint], T], *, is_tag: bool = False) -> T:
        """Return what the first endpoint answers that does not fail: mirrors before the registry itself.

        ``is_tag`` says that the question is what a tag means, which not every mirror is asked.
        """
        endpoints = self.endpoints(reference, is_tag=is_tag)
        failures: list[OciError] = []
        for endpoint in sorted(endpoints, key=lambda endpoint: self._losses[endpoint.base] >= _LOSSES):
            try:
                result = ask(endpoint)
            except _REMOTE as error:
                self._losses[endpoint.base] += isinstance(error, _FAULTS)
                failures.append(error)
                if len(failures) < len(endpoints):
                    self._tell_once(endpoint, error)
            else:
                self._losses[endpoint.base] = 0
                return result
        raise _joined(failures)

    def known_endpoints(self, reference: Reference) -> tuple[Endpoint, ...]:
        """Return all servers that are configured for an image. Raises `RegistryError` when it is blocked."""
        return self._policy.endpoints(reference)

    def endpoints(self, reference: Reference, *, is_tag: bool) -> tuple[Endpoint, ...]:
        """Return the servers that may be asked, in order. Raises `RegistryError` when there is none."""
        known = self.known_endpoints(reference)
        able = [endpoint for endpoint in known if (endpoint.resolves if is_tag else endpoint.pulls)]
        if not able:
            question = "what a tag means" if is_tag else "for blobs"
            raise RegistryError(
                f"none of its mirrors may be asked {question}, and --mirror-only forbids to ask {reference.domain}",
                where=reference,
                hint="leave out --mirror-only",
            )
        return (*(replace(endpoint, has_successor=True) for endpoint in able[:-1]), able[-1])

    def origin(self, reference: Reference) -> Endpoint:
        """Return the registry itself, for writing."""
        return self._policy.origin(reference)

    def send(self, endpoint: Endpoint, request: Request, actions: str = "pull", more: tuple[str, ...] = ()) -> Response:
        """Return the answer to a request about a repository, logging in as the registry asks for it.

        The login is for ``actions`` there, and for ``more`` scopes (``repository:lab/x:pull``).
        A URL that leads elsewhere (uploads may) gets no login. Raises `AuthNeeded` when none helps, `RegistryError`.
        """
        if origin_of(request.url) != origin_of(endpoint.base):
            return self.transport.send(replace(request, trust=endpoint.trust.elsewhere()))
        scope = " ".join((f"repository:{endpoint.repository}:{actions}", *more))
        login = self.login(endpoint)
        for attempt in range(_ATTEMPTS_TO_LOG_IN):
            used = login.header(scope)
            headers = {**dict(endpoint.headers), **request.headers, **({"Authorization": used} if used else {})}
            response = self.transport.send(replace(request, headers=headers, trust=endpoint.trust, quota=login.quota))
            if response.status_code != 401 or origin_of(response.url) != origin_of(request.url):
                return response
            with response:
                challenges = parse_challenges(response.raw.headers.getlist("WWW-Authenticate"))
            if not login.learn(challenges, scope, used, request.where, is_first=attempt == 0):
                break
        raise login.refused(shown(request.url), request.where)

    def failure(self, response: Response, where: str) -> OciError:
        """Return the error for a response that is not what was hoped for, and close it."""
        with response:
            return refusal(response, read_complaint(response, where), where)

    def open_blob(self, endpoint: Endpoint, reference: Reference, digest: str, span: tuple[int, int]) -> Response:
        """Ask for the bytes of a blob from ``span[0]`` up to, not including, ``span[1]`` (its size).

        The answer has status 200 (the whole blob), 206 or 416; anything else is raised.
        """
        start, size = span
        headers = {"Range": f"bytes={start}-{size - 1}"} if start else {}
        url = endpoint.url(f"blobs/{digest}")
        request = Request("GET", url, str(reference), headers=headers, insist=not endpoint.has_successor)
        response = self.send(endpoint, request)
        if response.status_code not in {200, 206, 416}:
            raise self.failure(response, str(reference))
        return response

    def login(self, endpoint: Endpoint) -> Login:
        """Return the login for a repository of a server, which all its requests share."""
        key = endpoint.base, endpoint.repository
        if key not in self._logins:  # a helper may take long, and other servers need not wait for it
            credential = find_credential(endpoint.host, endpoint.repository, self._job)
            self._logins.setdefault(key, Login(endpoint, credential, self.transport))
        return self._logins[key]

    def _manifest(self, endpoint: Endpoint, reference: Reference, wanted: str, known: str) -> Fetched | None:
        def ask() -> Fetched | None:
            return self._read_manifest(endpoint, reference, wanted, known)

        return ask() if endpoint.has_successor else self.transport.whole(ask)

    def _read_manifest(self, endpoint: Endpoint, reference: Reference, wanted: str, known: str) -> Fetched | None:
        where, url = str(reference), endpoint.url(f"manifests/{wanted}")
        headers = {"Accept": ACCEPT, **({"If-None-Match": f'"{known}"'} if known else {})}
        request = Request("GET", url, where, headers=headers, insist=not endpoint.has_successor)
        response = self.send(endpoint, request)
        if known and response.status_code == 304:
            response.close()
            return None
        if response.status_code != 200:
            raise self.failure(response, where)
        with response:
            data = read_body(response, DOCUMENT_LIMIT, where)
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type in SCHEMA_1:
            parse_document(data, media_type, where)  # refused for what it is: its digest is not that of its bytes
        digest = _checked_digest(data, wanted, response, where)
        if not is_digest(wanted):
            parse_document(data, media_type, where)  # no digest tells a manifest from the page of a captive portal
        return Fetched(media_type, digest, data)

    def _tell_once(self, endpoint: Endpoint, error: OciError) -> None:
        """Say that an endpoint failed, for all to see the first time; what a mirror lacks is no news."""
        with self._lock:
            is_news = not isinstance(error, NotFound) and endpoint.base not in self._told
            self._told.add(endpoint.base)
        self._job.note(f"{error}; asking elsewhere", "info" if is_news else "debug")


def _checked_digest(data: bytes, wanted: str, response: Response, where: str) -> str:
    """Return the digest of a manifest: the one it was asked for by, else ours, which the header must not deny."""
    expected = wanted if is_digest(wanted) else response.headers.get("Docker-Content-Digest", "")
    algorithm = algorithm_of(expected) if is_digest(expected) else "sha256"
    digest = digest_of(data, algorithm)
    if is_digest(expected) and digest != expected:
        raise DigestMismatch(
            f"{shown(response.url)} sent bytes with the digest {digest} instead of {expected}",
            where=where,
            hint="the registry, its mirror or a proxy is damaged",
        )
    return digest if is_digest(wanted) else digest_of(data)


def _joined(failures: list[OciError]) -> OciError:
    """Return one error that tells what each endpoint said; its type is the most telling one."""
    if len(failures) == 1:
        return failures[0]
    telling = next((error for error in reversed(failures) if not isinstance(error, _FAULTS)), failures[-1])
    message = "; ".join(error.message for error in failures)
    return type(telling)(message, where=telling.where, hint=telling.hint)
