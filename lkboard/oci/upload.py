"""One blob or manifest to a registry (registry.md sections 6 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkboard.errors import RegistryError
from lkboard.oci.registry import RegistryClient
from lkboard.oci.transport import Request, target_of
from lkboard.oci.urls import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from lkboard.events import Job
    from lkboard.model.image import Descriptor
    from lkboard.model.reference import Reference
    from lkboard.oci.download import OnBytes
    from lkboard.oci.settings import RegistrySettings

_ACTIONS = "pull,push"
_CHUNK = 1 << 20


class Upload:
    """Uploads into the repository of ``destination``. One object serves all threads.

    ``on_bytes`` is told what was sent, negative when it has to be sent again.
    """

    def __init__(self, settings: RegistrySettings, job: Job, destination: Reference, on_bytes: OnBytes) -> None:
        self._settings = settings
        self._job = job
        self._reference = destination
        self._where = str(destination)
        self._on_bytes = on_bytes
        self._client = RegistryClient(settings, job)
        self._endpoint = self._client.origin(destination)

    def blob(self, descriptor: Descriptor, path: Path) -> None:
        """Upload a blob unless it is there. Raises `AuthNeeded`, `RegistryError`.

        An upload that broke is begun anew: docker-registry 2.8 cannot continue it.
        """
        if self._has(descriptor):
            self._on_bytes(descriptor.size)
            return
        body = _Body(path, self._on_bytes)
        for delay in (*self._settings.retry_delays, None):
            try:
                response = self._put(self._begin(), descriptor, body)
            except RegistryError:
                if delay is None:
                    raise
                self._job.wait(delay)
            else:
                self._expect(response, 201)
                return

    def manifest(self, descriptor: Descriptor, data: bytes, name: str) -> None:
        """Give a manifest its tag or digest, after all that it names. Raises `AuthNeeded`, `RegistryError`."""
        headers = {"Content-Type": descriptor.media_type}
        url = self._endpoint.url(f"manifests/{name}")
        self._expect(self._send(Request("PUT", url, self._where, headers=headers, body=data)), 201)

    def _has(self, descriptor: Descriptor) -> bool:
        url = self._endpoint.url(f"blobs/{descriptor.digest}")
        response = self._send(Request("HEAD", url, self._where))
        if response.status_code == 404:
            response.close()
            return False
        self._expect(response, 200)
        return True

    def _begin(self) -> str:
        """Return the URL of a new upload."""
        url = self._endpoint.url("blobs/uploads/")
        response = self._send(Request("POST", url, self._where))
        self._expect(response, 202)
        location = response.headers.get("Location")
        if not location:
            raise RegistryError(f"{shown(url)} does not say where to upload", where=self._where)
        return target_of(url, location, self._where)

    def _put(self, location: str, descriptor: Descriptor, body: _Body) -> Response:
        url = f"{location}{'&' if urlsplit(location).query else '?'}digest={descriptor.digest}"
        headers = {"Content-Type": "application/octet-stream"}
        # an empty body must be bytes: requests would send an empty iterator in chunks
        source = body.restart if descriptor.size else b""
        return self._send(Request("PUT", url, self._where, headers=headers, body=source, is_repeatable=False))

    def _send(self, request: Request) -> Response:
        return self._client.send(self._endpoint, request, _ACTIONS)

    def _expect(self, response: Response, status: int) -> None:
        if response.status_code != status:
            raise self._client.failure(response, self._where)
        response.close()


class _Body:
    """The bytes of a file as a request's body, which may have to be sent more than once."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        self._path = path
        self._on_bytes = on_bytes
        self._size = path.stat().st_size
        self._sent = 0

    def restart(self) -> _Body:
        """Return the body from its beginning."""
        self._on_bytes(-self._sent)
        self._sent = 0
        return self

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
                self._sent += len(chunk)
                self._on_bytes(len(chunk))
