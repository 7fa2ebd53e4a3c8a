"""Sessions, certificates and proxies (registry.md section 2).

Nothing here reads ``~/.netrc`` or lets the environment replace what the user configured; `requests` would do both.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections import defaultdict
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

import lkboard
from lkboard.errors import RegistryError
from lkboard.oci.endpoint import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.oci.settings import RegistrySettings

_HANDSHAKE_SECONDS = 3.0
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Connections:
    """Lends out sessions, each to one thread at a time, and knows how each host is to be reached."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: defaultdict[tuple[str, str], list[requests.Session]] = defaultdict(list)
        self._schemes: dict[str, str] = {}
        self._contexts: dict[bool, ssl.SSLContext] = {}

    @contextmanager
    def session(self, url: str) -> Iterator[requests.Session]:
        """Lend out a session for the origin of a URL. One in which something was raised is not used again."""
        origin = urlsplit(url)[:2]
        with self._lock:
            session = self._idle[origin].pop() if self._idle[origin] else None
        session = session or self._new_session(*origin)
        yield session
        with self._lock:
            self._idle[origin].append(session)

    def proxies(self, url: str) -> dict[str, str]:
        """Return the proxies of the environment for a URL; none for this machine."""
        return {} if is_loopback(urlsplit(url).netloc) else get_environ_proxies(url, no_proxy=None)

    def is_verified(self, url: str) -> bool:
        """Return whether the certificate of a URL's host must be good."""
        return not self._settings.is_insecure(urlsplit(url).netloc)

    def scheme_of(self, host: str) -> str:
        """Return ``https``, or ``http`` where that is allowed (loopback, insecure) and TLS is not spoken."""
        if not (is_loopback(host) or self._settings.is_insecure(host)):
            return "https"
        with self._lock:
            if host not in self._schemes:
                self._schemes[host] = "https" if _speaks_tls(host) else "http"
            return self._schemes[host]

    def _new_session(self, scheme: str, host: str) -> requests.Session:
        session = _Session()
        session.trust_env = False
        session.headers["User-Agent"] = f"lkboard/{lkboard.__version__}"
        session.headers["Accept-Encoding"] = "identity"  # the bytes under the digest, not a CDN's gzip of them
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if scheme == "https":
            session.mount("https://", _Adapter(self._context(is_verified=not self._settings.is_insecure(host))))
        return session

    def _context(self, *, is_verified: bool) -> ssl.SSLContext:
        with self._lock:
            if is_verified not in self._contexts:
                self._contexts[is_verified] = self._new_context(is_verified=is_verified)
            return self._contexts[is_verified]

    def _new_context(self, *, is_verified: bool) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not is_verified:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user has named the host
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        named = [os.environ[variable] for variable in _CA_VARIABLES if os.environ.get(variable)]
        for file in (*named, *self._settings.ca_files):
            try:
                context.load_verify_locations(file)
            except OSError as error:  # an SSLError is one, too
                raise RegistryError(
                    f"the certificates cannot be read: {error.strerror or 'not a PEM file'}",
                    where=file,
                    hint="give a file of PEM certificates",
                ) from error
        return context


class _Session(requests.Session):
    """A session that leaves redirects to `lkboard.oci.transport`."""

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Return nothing; the base class parses redirects that it does not follow, and stumbles over broken ones."""


class _Adapter(HTTPAdapter):
    """Uses one TLS context for all connections, so that CAs of the user are added to those of the system."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as in the base class
        super().init_poolmanager(*arguments, **options, ssl_context=self._context)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in the base class
        return super().proxy_manager_for(*arguments, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ANN401, ARG002 - as in the base class
        """Leave the CAs to the context; the base class would load its own bundle for every connection."""
        conn.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"


def _speaks_tls(host: str) -> bool:
    """Return whether a host answers a TLS handshake; whose certificate it shows is judged later."""
    parts = urlsplit(f"//{host}")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        address = (parts.hostname or "", parts.port or 443)
        with socket.create_connection(address, _HANDSHAKE_SECONDS) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False
