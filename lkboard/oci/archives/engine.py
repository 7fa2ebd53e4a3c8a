"""Images of a container engine on this machine: Docker, or Podman in its place.

Docker Engine API: ``GET /images/NAME/json`` says whether there is an image and for which architecture, ``GET
/images/NAME/get`` streams it as ``docker save`` writes it. Both have been there since the first versions of the API.
"""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from lkboard.errors import ArchiveInvalid, LayerInvalid, ManifestInvalid, StoreCorrupt, UsageError
from lkboard.oci.archives.importing import copy_only_image, spooled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lkboard.events import Job
    from lkboard.model.image import Descriptor, Platform
    from lkboard.model.reference import Reference
    from lkboard.oci.store.store import Store

NO_ENGINE = ""
"""The address of an engine that is wanted, but not there."""

_SOCKETS = ("/var/run/docker.sock", "{runtime}/docker.sock", "{runtime}/podman/podman.sock", "/run/podman/podman.sock")
# an engine may write a whole image to its disk before it sends the first byte
_TIMEOUT_SECONDS = 300.0
_CONNECT_SECONDS = 10.0
_CHUNK = 1 << 20
_ANSWER_LIMIT = 8 << 20
_OVERHEAD = 1 << 30
"""Bytes that an archive may have besides twice those of an image's files, most of which may be tiny."""


def find_engine(environment: Mapping[str, str]) -> str:
    """Return the address of an engine: $DOCKER_HOST (``unix://PATH``, ``tcp://HOST:PORT``), else of a socket here.

    Returns `NO_ENGINE` when there is no such socket. Raises `UsageError` for other ways to reach an engine.
    """
    host = environment.get("DOCKER_HOST", "")
    if host:
        if not _is_address(host):
            raise UsageError(f"DOCKER_HOST is '{host}'", hint="set it to unix://PATH or tcp://HOST:PORT, or unset it")
        return host
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    sockets = (name.format(runtime=runtime) for name in _SOCKETS if runtime or "{runtime}" not in name)
    return next((f"unix://{name}" for name in sockets if Path(name).is_socket()), NO_ENGINE)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_reachable = parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        return False
    return parts.scheme == "unix" or (parts.scheme == "tcp" and is_reachable)


def is_remote(address: str) -> bool:
    """Return whether the engine at an address of `find_engine` is reached through the network."""
    return urlsplit(address).scheme == "tcp"


class Engine:
    """Brings images of an engine into the store; what goes wrong is told, and is no reason to fail."""

    def __init__(self, address: str, store: Store, job: Job) -> None:
        self._address = address
        self._store = store
        self._job = job

    def copy(self, reference: Reference, platform: Platform) -> Descriptor | None:
        """Bring an image into the store, without a name, and return what names it; None if the engine has none.

        References with a digest are left to registries: what an engine gives out has another one. Raises
        `StoreUnusable`, `Cancelled`.
        """
        if not self._job.once((Engine, self._address), self._is_there) or reference.digest:
            return None
        try:
            return self._copy(reference, platform)
        except (ArchiveInvalid, LayerInvalid, ManifestInvalid, StoreCorrupt) as error:
            reason = error.message  # its place is a temporary file
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            reason = _reason(error)
        self._job.note(f"the container engine at {self._address} gives no {reference}: {reason}", "warning")
        return None

    def _is_there(self) -> bool:
        """Return whether there is an engine that can be reached, and tell if not."""
        if self._address == NO_ENGINE:
            self._job.note("there is no container engine here; images come from the store and from registries")
            return False
        connection = _connection(self._address, _CONNECT_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            hint = "start it, or leave out --docker; images come from the store and from registries"
            text = f"the container engine at {self._address} cannot be reached: {_reason(error)} ({hint})"
            self._job.note(text, "warning")
            return False
        finally:
            connection.close()
        return True

    def _about(self, reference: Reference) -> Mapping[str, object] | None:
        """Return what the engine says of an image, None if it has none."""
        with self._get(reference, "json") as answer:
            if answer.status == http.HTTPStatus.NOT_FOUND:
                return None
            _check(answer)
            about = json.loads(answer.read(_ANSWER_LIMIT))
            return about if isinstance(about, dict) else {}

    def _copy(self, reference: Reference, platform: Platform) -> Descriptor | None:
        about = self._about(reference)
        if about is None or about.get("Architecture") not in {None, "", platform.architecture}:
            return None
        with self._get(reference, "get") as answer:
            _check(answer)
            pieces = iter(lambda: answer.read(_CHUNK), b"")
            with spooled(self._store, _limited(pieces, about.get("Size")), self._job) as archive:
                return copy_only_image(self._store, archive, self._job, step=f"Import {reference} from the engine")

    @contextmanager
    def _get(self, reference: Reference, what: str) -> Iterator[http.client.HTTPResponse]:
        connection = _connection(self._address, _TIMEOUT_SECONDS)
        try:
            connection.request("GET", f"/images/{quote(str(reference), safe='/:')}/{what}")
            with connection.getresponse() as answer:
                yield answer
        finally:
            connection.close()


class _SocketConnection(http.client.HTTPConnection):
    """HTTP through a Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path
        self._seconds = seconds

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._seconds)
        self.sock.connect(self._path)


def _connection(address: str, seconds: float) -> http.client.HTTPConnection:
    """Return a way to an engine on which every step may take some time."""
    parts = urlsplit(address)
    if parts.scheme == "unix":
        return _SocketConnection(parts.path, seconds)
    return http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=seconds)


def _limited(pieces: Iterable[bytes], declared: object) -> Iterator[bytes]:
    """Pass an archive on as long as it may be of an image whose files have ``declared`` bytes, if that is a number.

    Around each of them the archive has a header and fills a block up. Raises `ArchiveInvalid`.
    """
    limit = 2 * declared + _OVERHEAD if isinstance(declared, int) and declared > 0 else None
    size = 0
    for piece in pieces:
        size += len(piece)
        if limit is not None and size > limit:
            raise ArchiveInvalid(f"it says that the image has {declared} bytes, and sends more than {limit >> 20} MiB")
        yield piece


def _check(answer: http.client.HTTPResponse) -> None:
    if answer.status != http.HTTPStatus.OK:
        raise ArchiveInvalid(f"it answers {answer.status} {answer.reason}")


def _reason(error: Exception) -> str:
    """Return what a failure means, without Python's words for it."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return "the connection was cut"
    if isinstance(error, OSError):
        return error.strerror or "it cannot be addressed"
    return "its answer is not that of a container engine"
