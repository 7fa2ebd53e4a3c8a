"""Examine why an image can or cannot be pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.app.references import given_reference
from lkboard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.app.registry_options import RegistryOptions
    from lkboard.events import Job
    from lkboard.model.finding import Finding

NEEDED = "layer"
"""The step whose success means that a pull would work."""


def examine(name: str, architecture: str, options: RegistryOptions, job: Job) -> Iterator[Finding]:
    """Yield what each step of a pull finds; no ``architecture`` means that of this machine.

    Raises `UsageError`, `Cancelled`.
    """
    from lkboard.model.architecture import go_name, host_architecture
    from lkboard.model.image import Platform
    from lkboard.oci.doctor.report import examine

    settings = options.settings()
    if settings.offline:
        raise UsageError("a registry cannot be examined without the network", hint="leave out --offline")
    platform = Platform("linux", go_name(architecture) if architecture else host_architecture())
    return examine(given_reference(name), platform, settings, job)
