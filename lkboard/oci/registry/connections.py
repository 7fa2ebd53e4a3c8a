"""Sessions, certificates and proxies (registry.md section 2).

Nothing here reads ``~/.netrc`` or lets the environment replace what the user configured; `requests` would do both.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies

import lkboard
from lkboard.connection_errors import causes_of
from lkboard.errors import TlsError
from lkboard.oci.registry.http_errors import speaks_tls
from lkboard.oci.servers.certificates import certificates_of
from lkboard.oci.servers.endpoint import Trust, is_loopback
from lkboard.oci.servers.urls import host_of, origin_of
from lkboard.tls import TlsAdapter, tls_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.oci.servers.settings import RegistrySettings

_HANDSHAKE_SECONDS = 3.0


class Connections:
    """Has a session for each thread and host, and knows how each host is to be reached."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._of_thread = threading.local()
        self._schemes: dict[tuple[str, Trust], str] = {}
        self._contexts: dict[Trust, ssl.SSLContext] = {}
        self._certificates: dict[str, Trust] = {}

    @contextmanager
    def session(self, url: str, trust: Trust) -> Iterator[requests.Session]:
        """Give the calling thread's session for the origin of a URL; one in which something was raised is dropped.

        `requests` makes no promise about a session in two threads, and a body is read long after the request is sent.
        """
        sessions: dict[tuple[object, ...], requests.Session] = vars(self._of_thread).setdefault("sessions", {})
        origin = origin_of(url)
        key = (*origin, trust)
        session = sessions.pop(key, None) or self._new_session(origin[0], trust)
        yield session
        sessions[key] = session

    def proxies(self, url: str) -> dict[str, str]:
        """Return the proxies of the environment for a URL; none for this machine."""
        return {} if is_loopback(urlsplit(url).netloc) else get_environ_proxies(url, no_proxy=None)

    def trust(self, url: str, given: Trust) -> Trust:
        """Return how the host of a URL is to be trusted: as ``given``, by its certificates, and by the options."""
        host = host_of(url)
        with self._lock:
            if host not in self._certificates:
                self._certificates[host] = certificates_of(host, Path(self._settings.system_folder))
            known = self._certificates[host]
        return given | known | Trust(is_insecure=self._settings.is_insecure(host))

    def scheme_of(self, host: str, trust: Trust) -> str:
        """Return ``https``, or ``http`` where that is allowed (loopback, insecure) and TLS is not spoken."""
        is_insecure = trust.is_insecure or self._settings.is_insecure(host)
        if not (is_loopback(host) or is_insecure):
            return "https"
        with self._lock:
            known = self._schemes.get((host, trust))
        if known is None:
            known = "https" if self._speaks_tls(host, trust) else "http"
            with self._lock:
                self._schemes[host, trust] = known
        return known

    def _speaks_tls(self, host: str, trust: Trust) -> bool:
        """Return whether a host answers by TLS, if only to complain; whose certificate it shows is judged later."""
        url = f"https://{host}/v2/"
        trust = replace(self.trust(url, trust), is_insecure=True)
        try:
            if proxies := self.proxies(url):
                with self.session(url, trust) as session:
                    session.head(url, timeout=_HANDSHAKE_SECONDS, verify=False, proxies=proxies, allow_redirects=False)
            else:
                self._shake_hands(url, trust)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            return speaks_tls(causes_of(error))
        return True

    def _shake_hands(self, url: str, trust: Trust) -> None:
        """Do nothing else: a server that wants a client certificate may hang up when it is asked for anything."""
        parts = urlsplit(url)
        address = parts.hostname or "", parts.port or 443
        with socket.create_connection(address, _HANDSHAKE_SECONDS) as plain:
            self._context(trust).wrap_socket(plain, server_hostname=address[0]).close()

    def _new_session(self, scheme: str, trust: Trust) -> requests.Session:
        session = _Session()
        session.trust_env = False
        session.headers["User-Agent"] = f"lkboard/{lkboard.__version__}"
        session.headers["Accept-Encoding"] = "identity"  # the bytes under the digest, not a CDN's gzip of them
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if scheme == "https":
            session.mount("https://", TlsAdapter(self._context(trust)))
        return session

    def _context(self, trust: Trust) -> ssl.SSLContext:
        with self._lock:
            if trust not in self._contexts:
                self._contexts[trust] = self._new_context(trust)
            return self._contexts[trust]

    def _new_context(self, trust: Trust) -> ssl.SSLContext:
        if trust.is_insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user has named the host
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context = tls_context((*self._settings.ca_files, *trust.ca_files))
        for certificate, key in trust.client:
            _load_client(context, certificate, key)
        return context


def _load_client(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key, password="")  # or OpenSSL would ask on the terminal
    except (OSError, ValueError) as error:  # an SSLError is an OSError, too
        reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else ""
        raise TlsError(
            f"the client certificate cannot be used: {reason or 'not a certificate and its key in PEM'}",
            where=certificate,
            hint=f"check it and its key {key}, which must not have a passphrase",
        ) from error


class _Session(requests.Session):
    """A session that leaves redirects to `lkboard.oci.registry.transport`."""

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Return nothing; the base class parses redirects that it does not follow, and stumbles over broken ones."""
