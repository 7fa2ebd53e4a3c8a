"""How registries are reached: what command line and environment say (registry.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lkboard.errors import UsageError
from lkboard.oci.servers.urls import is_server

if TYPE_CHECKING:
    from collections.abc import Sequence

ANY_REGISTRY = "*"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a registry is waited for, and how much it is sent at once (registry.md sections 2, 9, 10).

    Times are in seconds. A request is tried once more after each of ``retry_delays``, counted since the last progress.
    After a 429 without Retry-After the delay is ``rate_limit_delay``, doubled each time. A registry that asks for more
    than ``longest_pause`` is not waited for.
    A transfer below ``stall_rate`` bytes per second for ``stall_time`` counts as cut; ``read_timeout`` is the time
    between two bytes.
    Blobs up to ``whole_upload`` bytes are sent in one request, larger ones in pieces of ``upload_piece`` bytes.
    A list that others may write as well is read again after ``quiet_time``.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    retry_delays: tuple[float, ...] = (0.4, 0.8, 1.6, 3.2)
    rate_limit_delay: float = 2.0
    longest_pause: float = 300.0
    stall_rate: int = 1024
    stall_time: float = 60.0
    whole_upload: int = 64 << 20
    upload_piece: int = 16 << 20
    quiet_time: float = 2.0


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """How to talk to registries.

    ``mirrors`` are pairs of a registry (or ``*``) and a URL, see `parse_mirrors`; unless ``mirror_only``, the registry
    itself is asked when its mirrors fail. ``insecure`` hosts (``host`` or ``host:port``) may use plain http or a
    certificate that nobody vouches for. ``ca_files`` are trusted in addition to the system's. ``always_pull`` asks for
    tags again that the store has; ``allow_wrong_arch`` accepts a single image for another architecture.
    ``offline`` makes no connection at all; when the store ``is_vendored``, what it lacks is then nowhere.
    Configuration files are those below ``system_folder`` and the user's own. ``engine`` is the address of a container
    engine that is asked for images before anybody else, see `oci.archives.engine.find_engine`; None to ask none.
    ``parallel`` transfers run at a time.
    """

    mirrors: tuple[tuple[str, str], ...] = ()
    insecure: tuple[str, ...] = ()
    ca_files: tuple[str, ...] = ()
    always_pull: bool = False
    allow_wrong_arch: bool = False
    offline: bool = False
    is_vendored: bool = False
    mirror_only: bool = False
    parallel: int = 4
    system_folder: str = "/etc"
    engine: str | None = None
    limits: Limits = Limits()

    def mirror_of(self, registry: str) -> str | None:
        """Return the URL of the mirror of a registry, its own before the one for all."""
        mirrors = dict(self.mirrors)
        return mirrors.get(canonical_registry(registry)) or mirrors.get(ANY_REGISTRY)

    def is_insecure(self, host: str) -> bool:
        """Return whether ``host[:port]`` may be reached without proof of who it is."""
        return host in self.insecure or urlsplit(f"//{host}").hostname in self.insecure


def parse_mirrors(options: Sequence[str], environment: str = "") -> tuple[tuple[str, str], ...]:
    """Read ``[REGISTRY=]URL`` items: those of $LINUXKIT_MIRROR first, so that options win (build.md section 7.4).

    Raises `UsageError`.
    """
    mirrors: dict[str, str] = {}
    for item in [*environment.replace(",", " ").split(), *options]:
        registry, equals, url = item.partition("=")
        if not equals or registry.startswith(("http://", "https://")):
            registry, url = ANY_REGISTRY, item
        mirrors[canonical_registry(registry)] = _checked_url(item, url)
    return tuple(mirrors.items())


def canonical_registry(registry: str) -> str:
    """Return one name for all names of a registry: Docker Hub has three."""
    return "docker.io" if registry in _HUB_NAMES else registry


def _checked_url(item: str, url: str) -> str:
    if "@" in url:  # wherever it is: a password may have characters that should have been escaped
        raise UsageError("a mirror is given with a login", hint="leave it out, and run: docker login HOST")
    if not url.startswith(("http://", "https://")) or not is_server(url):
        raise UsageError(f"mirror '{item}' must start with http:// or https://", hint="write --mirror [REGISTRY=]URL")
    return url.rstrip("/")
