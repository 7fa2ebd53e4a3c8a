"""How images are fetched: what a user can say of it, for every use case that needs images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.oci.settings import RegistrySettings


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How images are fetched. ``mirrors`` are ``[REG=]URL``, ``ca_files`` PEM files, ``insecure`` host names."""

    mirrors: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    ca_files: tuple[str, ...] = ()
    always_pull: bool = False
    allow_wrong_arch: bool = False

    def settings(self) -> RegistrySettings:
        """Return the options as the registry client takes them, with $LINUXKIT_MIRROR. Raises `UsageError`."""
        from lkboard.oci.settings import RegistrySettings, parse_mirrors

        return RegistrySettings(
            mirrors=parse_mirrors(self.mirrors, os.environ.get("LINUXKIT_MIRROR", "")),
            insecure=self.insecure,
            ca_files=self.ca_files,
            always_pull=self.always_pull,
            allow_wrong_arch=self.allow_wrong_arch,
        )
