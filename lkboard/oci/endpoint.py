"""Where a registry's images can be asked for: its mirror, then itself (registry.md section 3)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkboard.oci.settings import canonical_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkboard.oci.settings import RegistrySettings

_HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that answers for a registry.

    ``base`` is scheme and authority, ``prefix`` a mirror's path (``cache/``), ``namespace`` the registry that a mirror
    stands in for, empty for the registry itself. ``has_successor`` says that another endpoint is asked when this fails.
    """

    base: str
    prefix: str = ""
    namespace: str = ""
    has_successor: bool = False

    @property
    def host(self) -> str:
        """``host[:port]``."""
        return urlsplit(self.base).netloc

    def repository(self, path: str) -> str:
        """Return what a repository is called here."""
        return self.prefix + path

    def url(self, path: str, rest: str) -> str:
        """Return the URL of ``rest`` (``manifests/latest``) in a repository."""
        suffix = f"?ns={self.namespace}" if self.namespace else ""
        return f"{self.base}/v2/{self.repository(path)}/{rest}{suffix}"


def endpoints_of(
    registry: str, settings: RegistrySettings, scheme_of: Callable[[str], str], *, for_writing: bool = False
) -> tuple[Endpoint, ...]:
    """Return the servers to ask for a registry's images, in order. ``scheme_of`` tells http from https for a host.

    Mirrors are for reading only.
    """
    mirror = None if for_writing else settings.mirror_of(registry)
    if mirror is None:
        return (_origin(registry, scheme_of),)
    address = urlsplit(mirror)
    base, path = f"{address.scheme}://{address.netloc}", address.path.strip("/")
    prefix = f"{path}/" if path else ""
    if settings.mirror_only:
        return (Endpoint(base, prefix, registry),)
    return Endpoint(base, prefix, registry, has_successor=True), _origin(registry, scheme_of)


def _origin(registry: str, scheme_of: Callable[[str], str]) -> Endpoint:
    host = _HUB_HOST if canonical_registry(registry) == "docker.io" else registry
    return Endpoint(f"{scheme_of(host)}://{host}")


def is_loopback(host: str) -> bool:
    """Return whether ``host[:port]`` is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
