"""What went wrong with a request, in words: no query strings, headers or logins, which may be secrets."""

from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING, TypeGuard

from requests.exceptions import InvalidSchema, RequestException
from requests.utils import select_proxy
from urllib3.exceptions import HTTPError, ProxyError

from lkboard.connection_errors import causes_of, reason_of
from lkboard.errors import AuthNeeded, NotFound, OciError, RegistryError, TlsError
from lkboard.oci.servers.settings import canonical_registry
from lkboard.oci.servers.urls import host_of, is_server, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from requests import Response

NETWORK_ERRORS = (RequestException, HTTPError, OSError)
"""What requests and urllib3 raise for a connection that fails or breaks."""

BODY_LIMIT = 1 << 20
"""Bytes of an error's or a token's body that are read."""

_CHUNK = 1 << 16
_OUT_OF_TIME = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED
_WRONG_NAME = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
_HUNG_UP = (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError)
_REFUSED_TUNNEL = "Tunnel connection failed: 407"
_PROXY_HINT = "set HTTPS_PROXY or HTTP_PROXY to http://USER:PASSWORD@HOST:PORT"
_EXCERPT = 200
_CLIENT_MISTAKES = {
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "NAME_INVALID",
    "DIGEST_INVALID",
    "UNSUPPORTED",
    "DENIED",
}


class Passing(RegistryError):
    """A failure that another attempt may mend."""


class BodyCut(Passing):
    """The connection broke in the middle of an answer."""


def read_body(response: Response, limit: int, where: str) -> bytes:
    """Return the bytes of a body exactly as they came.

    Raises `RegistryError` if there are more than ``limit``, `BodyCut` if the connection breaks.
    """
    data = bytearray()
    for chunk in read_chunks(response, _CHUNK, where):
        data += chunk
        if len(data) > limit:
            raise RegistryError(
                f"{shown(response.url)} sent more than {limit >> 20} MiB",
                where=where,
                hint="check that this is the address of a registry",
            )
    return bytes(data)


def read_chunks(response: Response, size: int, where: str) -> Iterator[bytes]:
    """Yield the bytes of a body exactly as they come, ``size`` at a time. Raises `BodyCut` if the connection breaks."""
    while True:
        try:
            chunk = response.raw.read(size, decode_content=False)
        except NETWORK_ERRORS as error:
            failure = unreachable(error, response.url, where, {})
            raise BodyCut(failure.message, where=where, hint=failure.hint) from error
        if not chunk:
            return
        yield chunk


def read_complaint(response: Response, where: str) -> bytes:
    """Return the body of a response that is bad enough by itself; nothing if it cannot be read."""
    try:
        return read_body(response, BODY_LIMIT, where)
    except RegistryError:
        return b""


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
    hint = "the server has a fault of its own: try again later" if status >= 500 else None
    return RegistryError(f"{url} answered {status}{reason}{detail}", where=where, hint=hint)


def login_hint(url: str) -> str:
    """Return what to do when the host of a URL wants to know who asks."""
    return f"check the name, or log in with: docker login {canonical_registry(host_of(url))}"


def unreachable(error: Exception, url: str, where: str, proxies: Mapping[str, str]) -> RegistryError:
    """Return the error for a request that got no answer, or only a part of one."""
    causes = list(causes_of(error))
    if any(_is_tls_failure(cause) for cause in causes):
        return TlsError(f"asking {shown(url)} failed: {reason_of(error)}", where=where, hint=_tls_hint(causes, url))
    proxy = select_proxy(url, dict(proxies))
    if any(_is_refused_tunnel(cause) for cause in causes):
        return refused_by_proxy(url, where, proxies)
    if proxy and (not is_server(proxy) or any(isinstance(cause, InvalidSchema) for cause in causes)):
        return RegistryError(f"the proxy '{shown(proxy)}' cannot be used", where=where, hint=_PROXY_HINT)
    if proxy and any(isinstance(cause, ProxyError) for cause in causes):
        message = f"asking {shown(url)} through the proxy '{shown(proxy)}' failed: {reason_of(error)}"
        return RegistryError(message, where=where, hint=f"{_PROXY_HINT}, or NO_PROXY for hosts that need none")
    hint = "check the network, and the name of the server"
    if url.startswith("https:") and any(isinstance(cause, _HUNG_UP) for cause in causes):
        hint = f"check the network; {_client_hint(url)}"  # with TLS 1.3 the alert may get lost on the way
    return RegistryError(f"asking {shown(url)} failed: {reason_of(error)}", where=where, hint=hint)


def refused_by_proxy(url: str, where: str, proxies: Mapping[str, str]) -> RegistryError:
    """Return the error for a proxy that wants a login, or another one."""
    proxy = shown(select_proxy(url, dict(proxies)) or "")
    message = f"the proxy '{proxy}' refuses the login that it was given, or wants one"
    return RegistryError(message, where=where, hint=_PROXY_HINT)


def is_hopeless(error: Exception) -> bool:
    """Return whether trying again cannot help: a certificate, a proxy's no, or a name that does not exist."""
    return any(
        _is_tls_failure(cause)
        or _is_refused_tunnel(cause)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        for cause in causes_of(error)
    )


def _is_refused_tunnel(cause: BaseException) -> bool:
    return isinstance(cause, OSError) and _REFUSED_TUNNEL in str(cause)


def _tls_hint(causes: Sequence[BaseException], url: str) -> str:
    host = host_of(url)
    codes = {cause.verify_code for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)}
    if codes & _OUT_OF_TIME:
        return "renew the registry's certificate, and check the clock of this machine"
    if codes & _WRONG_NAME:
        return "use the name that the certificate is for"
    if codes:
        return f"give the CA's certificate with --cert-file FILE, or trust the registry with --insecure-registry {host}"
    if not speaks_tls(causes):
        return f"if it speaks plain http, allow that: --insecure-registry {host}"
    return _client_hint(url)


def _client_hint(url: str) -> str:
    folder = f"~/.config/docker/certs.d/{host_of(url)}"
    return f"if it wants a client certificate, put it as {folder}/client.cert, and its key as client.key"


def speaks_tls(causes: Iterable[BaseException]) -> bool:
    """Return whether a failure, with all its causes, was told by the other side's TLS."""
    return any(_is_tls_failure(cause) and cause.reason not in _NO_TLS for cause in causes)


def _is_tls_failure(cause: BaseException) -> TypeGuard[ssl.SSLError]:
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:_EXCERPT]).strip()
