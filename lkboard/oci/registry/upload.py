"""One blob or manifest to a registry (registry.md sections 6 and 9)."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from lkboard.errors import AuthNeeded, OciError, RegistryError
from lkboard.oci.image_spec.digest import algorithm_of
from lkboard.oci.registry.client import RegistryClient
from lkboard.oci.registry.http_errors import Passing
from lkboard.oci.registry.transport import Request, target_of
from lkboard.oci.servers.urls import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests import Response

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.model.reference import Reference
    from lkboard.oci.registry.download import OnBytes
    from lkboard.oci.servers.settings import RegistrySettings

ACTIONS = "pull,push"
"""What a login is for that writes; an upload begins with looking what is there."""

_LENGTH = re.compile(r"[0-9]{1,19}")
_BYTES = {"Content-Type": "application/octet-stream"}
_READ = 1 << 20
_TOO_LARGE = 413
_SHRINK = 4  # how much smaller pieces are when one was too large
_SMALLEST_PIECE = 1 << 19


class Upload:
    """Uploads into the repository of ``destination``. One object serves all threads.

    ``on_bytes`` is told what was sent, negative when it has to be sent again. ``where`` is what errors name.
    """

    def __init__(self, settings: RegistrySettings, job: Job, destination: Reference, on_bytes: OnBytes) -> None:
        self.client = RegistryClient(settings, job)
        self.endpoint = self.client.origin(destination)
        self.limits = settings.limits
        self._job = job
        self.where = str(destination)
        self._on_bytes = on_bytes
        self._whole_limit = settings.limits.whole_upload
        self._piece = settings.limits.upload_piece
        self._lock = threading.Lock()

    def blob(self, descriptor: Descriptor, path: Path, *, source: str = "") -> None:
        """Upload a blob unless it is there; ``source`` is a repository of the same registry that should have it.

        Raises `AuthNeeded`, `RegistryError`. An upload that got lost is begun anew: docker-registry 2.8 cannot go on.
        """
        if self._has(descriptor):
            self._on_bytes(descriptor.size)
            return
        body = _Body(path, self._on_bytes)
        delays = iter(self.limits.retry_delays)
        while True:
            piece = self._piece_of(descriptor)
            try:
                response = self._attempt(descriptor, body, source)
            except _Lost:
                if (delay := next(delays, None)) is None:
                    raise
                self._job.wait(delay)
                continue
            if response is None:
                self._on_bytes(descriptor.size)
                return
            if response.status_code != _TOO_LARGE or not self._shrink(piece):
                self._expect(response, 201)
                return
            response.close()

    def manifest(self, descriptor: Descriptor, data: bytes, name: str) -> Response:
        """Give a manifest its tag or digest, after all that it names, and return the answer, closed.

        Raises `AuthNeeded`, `RegistryError`.
        """
        headers = {"Content-Type": descriptor.media_type}
        url = self.endpoint.url(f"manifests/{name}")
        return self._expect(self.send(Request("PUT", url, self.where, headers=headers, body=data)), 201)

    def send(self, request: Request, source: str = "") -> Response:
        """Return the answer to a request with the right to write, and to read from ``source``."""
        more = (f"repository:{source}:pull",) if source else ()
        return self.client.send(self.endpoint, request, ACTIONS, more)

    def _has(self, descriptor: Descriptor) -> bool:
        response = self.send(Request("HEAD", self.endpoint.url(f"blobs/{descriptor.digest}"), self.where))
        if response.status_code == 404:
            response.close()
            return False
        self._expect(response, 200)
        return True

    def _attempt(self, descriptor: Descriptor, body: _Body, source: str) -> Response | None:
        """Upload a blob in a new session and return the last answer, or None if the registry has copied it itself.

        Raises `_Lost` when a new session may help, `RegistryError`.
        """
        begun = self._begin(descriptor, source)
        if begun is None:
            return None
        location, piece = begun
        try:
            return self._send_pieces(location, descriptor, body, piece)
        except RegistryError:
            with suppress(OciError):
                self.send(Request("DELETE", location, self.where, insist=False)).close()
            raise

    def _begin(self, descriptor: Descriptor, source: str) -> tuple[str, int] | None:
        """Return the URL of a new upload and how large its pieces may be; None if it is not needed any more."""
        algorithm = algorithm_of(descriptor.digest)
        # docker-registry 2.8 says that it has copied a blob by its sha512, and has not
        response = self._mount(descriptor, source) if source and algorithm == "sha256" else None
        if response is None or response.status_code not in {201, 202}:
            query = "" if algorithm == "sha256" else f"?digest-algorithm={algorithm}"
            url = self.endpoint.url("blobs/uploads/") + query
            response = self.send(Request("POST", url, self.where))
        if response.status_code == 201:
            response.close()
            return None
        self._expect(response, 202)
        least = _LENGTH.fullmatch(response.headers.get("OCI-Chunk-Min-Length", ""))
        return self._location(response), max(self._piece_of(descriptor), int(least[0]) if least else 0)

    def _mount(self, descriptor: Descriptor, source: str) -> Response | None:
        """Ask the registry to take a blob from another repository; it may begin an upload instead."""
        url = f"{self.endpoint.url('blobs/uploads/')}?{urlencode({'mount': descriptor.digest, 'from': source})}"
        with suppress(AuthNeeded):
            response = self.send(Request("POST", url, self.where), source)
            response.close()
            return response
        return None

    def _send_pieces(self, location: str, descriptor: Descriptor, body: _Body, piece: int) -> Response:
        """Send a blob, in one request if it is one piece, and return the last answer, or the first bad one."""
        if piece >= descriptor.size:
            return self._finish(location, descriptor, body.part(0, descriptor.size))
        for start in range(0, descriptor.size, piece):
            end = min(start + piece, descriptor.size)
            headers = {**_BYTES, "Content-Range": f"{start}-{end - 1}"}
            request = Request(
                "PATCH", location, self.where, headers=headers, body=body.part(start, end), is_repeatable=False
            )
            response = self._send_once(request)
            if response.status_code != 202:
                return response
            response.close()
            if response.headers.get("Range", "").removeprefix("bytes=") != f"0-{end - 1}":
                raise _lost(f"{shown(location)} has not taken all that was sent", self.where)
            location = self._location(response)
        return self._finish(location, descriptor, b"")

    def _finish(self, location: str, descriptor: Descriptor, body: bytes | Callable[[], _Part]) -> Response:
        url = f"{location}{'&' if urlsplit(location).query else '?'}digest={descriptor.digest}"
        # an empty body must be bytes: requests would send an empty iterator in chunks
        data = body if descriptor.size else b""
        return self._send_once(Request("PUT", url, self.where, headers=_BYTES, body=data, is_repeatable=False))

    def _send_once(self, request: Request) -> Response:
        """Send bytes within a session. Raises `_Lost` if that is gone: a request that broke may have moved it on."""
        try:
            response = self.send(request)
        except Passing as error:
            raise _Lost(error.message, where=self.where, hint=error.hint) from error
        if response.status_code == 404:  # docker-registry's answer when an earlier piece was cut
            response.close()
            raise _lost(f"{shown(request.url)} is lost", self.where)
        return response

    def _piece_of(self, descriptor: Descriptor) -> int:
        """Return how much of a blob is sent in one request."""
        return descriptor.size if descriptor.size <= self._whole_limit else self._piece

    def _shrink(self, refused: int) -> bool:
        """Send smaller pieces than the ``refused`` size, and return whether there is hope: it is tried once."""
        with self._lock:
            smaller = max(_SMALLEST_PIECE, min(self._piece, refused) // _SHRINK)
            if self._whole_limit and smaller < refused:
                self._whole_limit, self._piece = 0, smaller
            return self._piece < refused

    def _location(self, response: Response) -> str:
        location = response.headers.get("Location")
        if not location:
            raise RegistryError(
                f"{shown(response.url)} does not say where to upload",
                where=self.where,
                hint="the fault is the registry's, or a proxy's in front of it that drops the header Location",
            )
        return target_of(response.url, location, self.where)

    def _expect(self, response: Response, status: int) -> Response:
        if response.status_code != status:
            error = self.client.failure(response, self.where)
            if response.status_code == _TOO_LARGE:
                error.hint = "a proxy in front of the registry limits the size of requests: raise its limit"
            raise error
        response.close()
        return response


class _Lost(RegistryError):
    """An upload cannot go on, and may work when it is begun anew."""


def _lost(message: str, where: str) -> _Lost:
    return _Lost(message, where=where, hint="the registry loses uploads: try again later")


class _Body:
    """The bytes of a file, of which any part may have to be sent more than once."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        self._path = path
        self._on_bytes = on_bytes
        self._position = 0

    def part(self, start: int, end: int) -> Callable[[], _Part]:
        """Return what gives the bytes from ``start`` up to, not including, ``end``, anew each time."""
        return lambda: _Part(self, start, end)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes of a part, and tell of them; those that were sent before are taken back."""
        self._on_bytes(start - self._position)
        self._position = start
        with self._path.open("rb") as file:
            file.seek(start)
            while chunk := file.read(min(_READ, end - self._position)):
                yield chunk
                self._position += len(chunk)
                self._on_bytes(len(chunk))


class _Part:
    """An iterable with a length, from which requests makes a header."""

    def __init__(self, body: _Body, start: int, end: int) -> None:
        self._body = body
        self._start = start
        self._end = end

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[bytes]:
        return self._body.read(self._start, self._end)
