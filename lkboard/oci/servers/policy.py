"""Which servers are asked for an image, in which order: what options and configuration files say together.

From the highest to the lowest (registry.md section 3): ``--mirror`` and LINUXKIT_MIRROR, ``registries.conf``,
containerd's ``hosts.toml``. The first of them that knows the image decides about its mirrors, and the first that knows
where the images of the registry are decides about that. Certificates of all of them add up.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkboard.errors import RegistryError
from lkboard.oci.servers.endpoint import Endpoint, Trust
from lkboard.oci.servers.hosts_toml import Hosts, read_hosts
from lkboard.oci.servers.registries_conf import RegistriesConf, read_registries_conf
from lkboard.oci.servers.settings import canonical_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkboard.model.reference import Reference
    from lkboard.oci.servers.hosts_toml import Host
    from lkboard.oci.servers.registries_conf import Location, RegistryEntry
    from lkboard.oci.servers.settings import RegistrySettings

_HUB_HOST = "registry-1.docker.io"


class Policy:
    """Knows the servers of every image. Files are read when they are needed, once."""

    def __init__(
        self, settings: RegistrySettings, scheme_of: Callable[[str, Trust], str], note: Callable[[str], None]
    ) -> None:
        """``note`` is told what configuration files say in vain."""
        self._settings = settings
        self._scheme_of = scheme_of
        self._note = note
        self._system_folder = Path(settings.system_folder)
        self._hosts: dict[str, Hosts | None] = {}
        self._lock = threading.Lock()

    def endpoints(self, reference: Reference) -> tuple[Endpoint, ...]:
        """Return the servers to ask for an image, mirrors before the registry itself.

        Raises `RegistryError` when the image is blocked, or a configuration file is broken.
        """
        view = self._view(reference)
        mirrors = tuple(view.mirrors())
        return mirrors if self._settings.mirror_only and mirrors else (*mirrors, view.origin())

    def origin(self, reference: Reference) -> Endpoint:
        """Return the registry itself, for writing: what is written under a name goes where the name says."""
        return replace(self._view(reference).server(), pulls=True, resolves=True)

    @cached_property
    def _conf(self) -> RegistriesConf:
        conf = read_registries_conf(self._system_folder)
        for remark in conf.remarks:
            self._note(remark)
        return conf

    def _view(self, reference: Reference) -> _View:
        registry = canonical_registry(reference.domain)
        image = f"{registry}/{reference.path}"
        with self._lock:
            entry = self._conf.find(image)
            if registry not in self._hosts:
                self._hosts[registry] = read_hosts(registry, self._system_folder)
            hosts = self._hosts[registry]
        if entry and entry.is_blocked:
            raise RegistryError(
                f"images below '{entry.prefix}' are blocked by {entry.file}",
                where=reference,
                hint="use an image of another registry, or remove 'blocked' there",
            )
        mirror = self._settings.mirror_of(registry)
        return _View(replace(reference, domain=registry), mirror, entry, hosts, self._scheme_of)


@dataclass(frozen=True, slots=True)
class _View:
    """What all sources say about one image."""

    reference: Reference
    mirror: str | None
    entry: RegistryEntry | None
    hosts: Hosts | None
    scheme_of: Callable[[str, Trust], str]

    def mirrors(self) -> Iterator[Endpoint]:
        """Yield the mirrors that the first source with a say names."""
        if self.mirror:
            address = urlsplit(self.mirror)
            path = f"{address.path.strip('/')}/{self.reference.path}".lstrip("/")
            yield Endpoint(f"{address.scheme}://{address.netloc}", path, self.reference.domain, source="--mirror")
        elif self.entry:
            for location in self.entry.mirrors:
                yield replace(self._at_location(self.entry, location), namespace=self.reference.domain)
        elif self.hosts:
            for host in self.hosts.mirrors:
                yield self._at_host(host, self.hosts)

    def origin(self) -> Endpoint:
        """Return where the images of the registry are."""
        if self.entry and self.entry.location.name:
            return self._at_location(self.entry, self.entry.location)
        return self.server()

    def server(self) -> Endpoint:
        """Return the registry itself."""
        is_insecure = self.entry is not None and self.entry.location.is_insecure
        if self.hosts and not self.entry:
            return self._at_host(self.hosts.server, self.hosts)
        host = _host_of(self.reference.domain)
        trust = Trust(is_insecure=is_insecure)
        source = str(self.entry.file) if self.entry else ""
        return Endpoint(f"{self.scheme_of(host, trust)}://{host}", self.reference.path, trust=trust, source=source)

    def _at_location(self, entry: RegistryEntry, location: Location) -> Endpoint:
        registry, _, path = entry.moved(self.reference.repository, location).partition("/")
        host, trust = _host_of(registry), Trust(is_insecure=location.is_insecure)
        return Endpoint(
            f"{self.scheme_of(host, trust)}://{host}",
            path,
            resolves=location.for_tags,
            pulls=location.for_digests or not self.reference.digest,
            trust=trust,
            source=str(entry.file),
        )

    def _at_host(self, host: Host, hosts: Hosts) -> Endpoint:
        origin = _host_of(self.reference.domain)
        address = urlsplit(host.base)
        server = _host_of(address.netloc) or origin
        base = f"{address.scheme or self.scheme_of(origin, host.trust)}://{server}"
        is_stand_in = server != origin
        return Endpoint(
            base,
            self.reference.path,
            self.reference.domain if is_stand_in else "",
            host.root,
            resolves=host.resolves,
            pulls=host.pulls,
            headers=host.headers,
            trust=host.trust,
            source=str(hosts.file),
        )


def _host_of(registry: str) -> str:
    return _HUB_HOST if canonical_registry(registry) == "docker.io" else registry
