"""How far it is to a registry, and who it is: addresses, proxy, certificate (registry.md section 16)."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests.utils import select_proxy

from lkboard.oci.registry.http_errors import unreachable
from lkboard.oci.registry.transport import Request, Transport
from lkboard.oci.servers.urls import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response

    from lkboard.oci.servers.endpoint import Endpoint
    from lkboard.oci.servers.settings import RegistrySettings

_PORTS = {"http": 80, "https": 443}
_DAY = 86400


def examine_server(transport: Transport, endpoint: Endpoint, settings: RegistrySettings, where: str) -> tuple[str, ...]:
    """Return what was found on the way to a server. Raises `RegistryError` where the way ends."""
    url = f"{endpoint.base}{endpoint.root}/"
    proxies = transport.connections.proxies(url)
    proxy = select_proxy(url, proxies)
    way = [f"through the proxy {shown(proxy)}"] if proxy else list(_direct_way(url, settings, where))
    request = Request("GET", url, where, headers=dict(endpoint.headers), trust=endpoint.trust, insist=False)
    with transport.send(request) as response:
        trust = transport.connections.trust(url, endpoint.trust)
        certificate = list(_certificate(response, is_insecure=trust.is_insecure))
    more = [f"certificates of {file} are trusted as well" for file in trust.ca_files]
    more += [f"we show the certificate {pair[0]}" for pair in trust.client]
    return f"answers {response.status_code}", *way, *certificate, *more


def _direct_way(url: str, settings: RegistrySettings, where: str) -> Iterator[str]:
    """Look a host up and connect to it, as requests will."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    start = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        looked_up = time.monotonic()
        yield f"name: {', '.join(dict.fromkeys(str(one[4][0]) for one in found))} ({_milliseconds(looked_up - start)})"
        socket.create_connection((host, port), settings.limits.connect_timeout).close()
        yield f"connection: port {port} ({_milliseconds(time.monotonic() - looked_up)})"
    except (OSError, UnicodeError) as error:  # what is longer than a name can be is no text for the resolver
        raise unreachable(error, url, where, {}) from error


def _certificate(response: Response, *, is_insecure: bool) -> Iterator[str]:
    """Describe the certificate of the connection that an answer came by, whose body has not been read."""
    connection = response.raw.connection
    sock = getattr(connection, "sock", None)
    if not response.url.startswith("https:"):
        yield "no TLS: nobody vouches for the server"
        return
    if is_insecure:
        yield "TLS, but the certificate is not looked at, as was allowed"
        return
    if not isinstance(sock, ssl.SSLSocket):  # a proxy that speaks TLS itself wraps it up
        yield "TLS with a good certificate"
        return
    certificate = sock.getpeercert() or {}
    days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / _DAY
    subject, issuer = _common_name(certificate.get("subject")), _common_name(certificate.get("issuer"))
    yield f"{sock.version()}, certificate of '{subject}' by '{issuer}', good for {days:.0f} days"


def _common_name(name: object) -> str:
    """Return the common name, or what comes last, of a name as `ssl.SSLSocket.getpeercert` gives it."""
    pairs = [pair for part in name for pair in part] if isinstance(name, tuple) else []
    return str(dict(pairs).get("commonName") or (pairs[-1][1] if pairs else "nobody"))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
