"""How images are fetched: what a user can say of it, for every use case that needs images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import UsageError
from lkboard.model.web import WebAccess

if TYPE_CHECKING:
    from lkboard.oci.servers.settings import RegistrySettings


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How images are fetched. ``mirrors`` are ``[REG=]URL``, ``ca_files`` PEM files, ``insecure`` host names.

    With ``mirror_only`` a registry that has a mirror is never asked itself. ``offline`` forbids to use the network at
    all, also for what is no image: see `is_offline`. ``from_engine`` takes images that a container engine of this
    machine has, unless ``always_pull``.
    """

    mirrors: tuple[str, ...] = ()
    mirror_only: bool = False
    insecure: tuple[str, ...] = ()
    ca_files: tuple[str, ...] = ()
    always_pull: bool = False
    allow_wrong_arch: bool = False
    offline: bool = False
    from_engine: bool = False

    @property
    def web(self) -> WebAccess:
        """How what is no image is fetched: configs at addresses."""
        return WebAccess(is_offline(self.offline), self.ca_files)

    def settings(self) -> RegistrySettings:
        """Return the options as the registry client takes them, with $LINUXKIT_MIRROR. Raises `UsageError`."""
        from lkboard.oci.servers.settings import RegistrySettings, parse_mirrors

        offline = is_offline(self.offline)
        if offline and self.always_pull:
            raise UsageError("--pull asks the registry, which --offline forbids", hint="leave out one of them")
        return RegistrySettings(
            mirrors=parse_mirrors(self.mirrors, os.environ.get("LINUXKIT_MIRROR", "")),
            mirror_only=self.mirror_only,
            insecure=self.insecure,
            ca_files=self.ca_files,
            always_pull=self.always_pull,
            allow_wrong_arch=self.allow_wrong_arch,
            offline=offline,
            engine=_engine(offline) if self.from_engine and not self.always_pull else None,
        )


def _engine(offline: bool) -> str:
    from lkboard.oci.archives.engine import find_engine, is_remote

    address = find_engine(os.environ)
    if offline and is_remote(address):
        raise UsageError(
            f"DOCKER_HOST is '{address}', a way through the network, which may not be used",
            hint="set it to an engine's socket here (unix://PATH), or leave out --docker",
        )
    return address


def is_offline(wanted: bool = False) -> bool:
    """Return whether the network may not be used: because the user says so, or $LKBOARD_OFFLINE does (1, not 0)."""
    return wanted or os.environ.get("LKBOARD_OFFLINE", "0") not in {"", "0"}
