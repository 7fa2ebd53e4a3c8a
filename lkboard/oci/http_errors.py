"""What went wrong with a request, in words: no query strings, headers or logins, which may be secrets."""

from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.exceptions import ConnectTimeoutError, IncompleteRead, NewConnectionError

from lkboard.errors import AuthNeeded, NotFound, OciError, RegistryError
from lkboard.oci.settings import canonical_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

BODY_LIMIT = 1 << 20
"""Bytes of an error's or a token's body that are read."""

_CHUNK = 1 << 16
_EXCERPT = 200
_CLIENT_MISTAKES = {
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "NAME_INVALID",
    "DIGEST_INVALID",
    "UNSUPPORTED",
    "DENIED",
}


def shown(url: str) -> str:
    """Return a URL without login and query, which may hold signatures."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def read_body(response: Response, limit: int, where: str) -> bytes:
    """Return the bytes of a body exactly as they came. Raises `RegistryError` if there are more than ``limit``.

    Network failures come as urllib3's and requests' exceptions.
    """
    data = bytearray()
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        data += chunk
        if len(data) > limit:
            raise RegistryError(f"{shown(response.url)} sent more than {limit >> 20} MiB", where=where)
    return bytes(data)


class Complaint:
    """The body of an error response: JSON ``errors`` with codes, or just text."""

    def __init__(self, body: bytes) -> None:
        self.codes: tuple[str, ...] = ()
        self.text = _printable(body.decode("utf-8", "replace"))
        try:
            errors = json.loads(body)["errors"]
            self.codes = tuple(str(error["code"]) for error in errors)
            self.text = _printable("; ".join(f"{error['code']}: {error.get('message', '')}" for error in errors))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass

    @property
    def is_our_mistake(self) -> bool:
        """Whether asking again cannot help, although the status may say so: docker-registry sends these with 500."""
        return any(code in _CLIENT_MISTAKES for code in self.codes)


def refusal(response: Response, body: bytes, where: str) -> OciError:
    """Return the error for a response that is not what was hoped for."""
    complaint = Complaint(body).text
    detail = f" ({complaint})" if complaint else ""
    url, status = shown(response.url), response.status_code
    if status == 404:
        return NotFound(f"not found at {url}{detail}", where=where, hint="check the name and the tag")
    if status in {401, 403}:
        return AuthNeeded(f"{url} denies access{detail}", where=where, hint=login_hint(url))
    reason = f" {response.reason}" if response.reason else ""
    hint = "the registry has a fault of its own: try again later" if status >= 500 else None
    return RegistryError(f"{url} answered {status}{reason}{detail}", where=where, hint=hint)


def login_hint(url: str) -> str:
    """Return what to do when the host of a URL wants to know who asks."""
    host = canonical_registry(urlsplit(url).netloc.rpartition("@")[2])
    return f"check the name, or log in with: docker login {host}"


def unreachable(error: Exception, url: str, where: str) -> RegistryError:
    """Return the error for a request that got no answer, or only a part of one."""
    hint = "check the network, and the name of the registry"
    if any(_is_tls_failure(cause) for cause in _causes(error)):
        hint = "give the CA's certificate with --cert-file FILE, or trust the registry with --insecure-registry HOST"
    return RegistryError(f"asking {shown(url)} failed: {_reason(error)}", where=where, hint=hint)


def is_hopeless(error: Exception) -> bool:
    """Return whether trying again cannot help: a certificate, or a name that does not exist."""
    return any(
        _is_tls_failure(cause) or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        for cause in _causes(error)
    )


def is_unreached(error: Exception) -> bool:
    """Return whether there was not even a connection."""
    return any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in _causes(error))


def _is_tls_failure(cause: BaseException) -> bool:
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything it was made from; urllib3 hides causes in ``reason`` and in arguments."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and not any(cause is other for other in seen):
            seen.append(cause)
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    yield from seen


def _reason(error: Exception) -> str:
    for cause in reversed(list(_causes(error))):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, TimeoutError):
            return "no answer in time"
        if isinstance(cause, IncompleteRead):
            return "the connection was cut"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return type(error).__name__


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:_EXCERPT]).strip()
