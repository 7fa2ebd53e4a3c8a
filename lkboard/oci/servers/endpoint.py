"""A server that can be asked for an image, and how the two sides prove who they are (registry.md section 3)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Trust:
    """``ca_files`` vouch for a server in addition to the system's CAs, unless it ``is_insecure``.

    ``client`` are pairs of PEM files, certificate and key, with which we show who we are.
    """

    ca_files: tuple[str, ...] = ()
    client: tuple[tuple[str, str], ...] = ()
    is_insecure: bool = False

    def __or__(self, other: Trust) -> Trust:
        """Return what both say together."""
        ca_files = tuple(dict.fromkeys((*self.ca_files, *other.ca_files)))
        return Trust(ca_files, other.client or self.client, self.is_insecure or other.is_insecure)

    def elsewhere(self) -> Trust:
        """Return what holds for the servers that this one leads to: its CAs, but neither our key nor its freedom."""
        return replace(self, client=(), is_insecure=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that answers for a repository.

    ``base`` is scheme and authority, ``repository`` what the repository is called there, ``root`` the path of the API.
    ``namespace`` is the registry that a mirror stands in for, empty for the registry itself. ``has_successor`` says
    that another endpoint is asked when this fails. A server may be asked what a tag means (``resolves``), and for what
    has a digest (``pulls``). ``headers`` go with every request; ``source`` is who has named it.
    """

    base: str
    repository: str
    namespace: str = ""
    root: str = "/v2"
    has_successor: bool = False
    resolves: bool = True
    pulls: bool = True
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    trust: Trust = Trust()
    source: str = ""

    @property
    def host(self) -> str:
        """``host[:port]``."""
        return urlsplit(self.base).netloc

    def url(self, rest: str) -> str:
        """Return the URL of ``rest`` (``manifests/latest``) in the repository."""
        suffix = f"?ns={self.namespace}" if self.namespace else ""
        return f"{self.base}{self.root}/{self.repository}/{rest}{suffix}"


def is_loopback(host: str) -> bool:
    """Return whether ``host[:port]`` is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
