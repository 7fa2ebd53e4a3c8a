"""Which authorities are trusted, for every connection that lkboard makes: those of the system and those of the user.

`requests` would trust the user's *instead* of the system's (registry.md section 2).
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from lkboard.errors import TlsError

if TYPE_CHECKING:
    from collections.abc import Iterable

_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SYSTEM_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What makes OpenSSL pass over the system's own CAs."""


def tls_context(ca_files: Iterable[str] = ()) -> ssl.SSLContext:
    """Return a context that trusts the system's CAs, those that the environment names, and ``ca_files``.

    Each is a PEM file, or a folder for which ``openssl rehash`` was run. Raises `TlsError` for one that cannot be read.
    """
    context = ssl.create_default_context()
    if any(map(os.environ.get, _SYSTEM_VARIABLES)):
        _load_system(context)
    named = filter(None, map(os.environ.get, _CA_VARIABLES))
    for file in (*named, *ca_files):
        _load_authority(context, file)
    return context


def _load_system(context: ssl.SSLContext) -> None:
    """Add the system's own CAs, wherever OpenSSL was built to look for them."""
    paths = ssl.get_default_verify_paths()
    with suppress(OSError):  # a system without any
        context.load_verify_locations(paths.openssl_cafile)
    context.load_verify_locations(capath=paths.openssl_capath)  # looked into when it is needed


def _load_authority(context: ssl.SSLContext, file: str) -> None:
    try:
        if Path(file).is_dir():  # of files that are called by their hashes, as openssl rehash makes it
            context.load_verify_locations(capath=file)
        else:
            context.load_verify_locations(file)
    except OSError as error:
        reason = "not a PEM file" if isinstance(error, ssl.SSLError) else error.strerror
        raise TlsError(
            f"the certificates cannot be read: {reason}",
            where=file,
            hint="give a file of PEM certificates, or a folder of them for which openssl rehash was run",
        ) from error


class TlsAdapter(HTTPAdapter):
    """Lets a session of `requests` use one context for all connections, and try nothing twice."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as in the base class
        """Give the context to connections."""
        super().init_poolmanager(*arguments, **options, ssl_context=self._context)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in the base class
        """Give the context to connections through a proxy."""
        return super().proxy_manager_for(*arguments, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ANN401, ARG002 - as in the base class
        """Leave the CAs to the context; the base class would load its own bundle for every connection."""
        conn.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"
