"""What the kinds of sources have in common: where things are kept, and what is known while a board is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkboard.oci.servers.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.events import Job
    from lkboard.model.extents import Content
    from lkboard.model.lock import Lock
    from lkboard.oci.store.store import Store
    from lkboard.sources.apt.packages import DebianPackages


@dataclass(frozen=True, slots=True)
class SourceContext:
    """One per build. ``kernel_files`` are the files of the config's kernel by their paths in its tar.

    With a ``lock``, packages and images are those that it names.
    """

    store: Store
    job: Job
    packages: DebianPackages
    kernel_files: Mapping[str, Content] = field(default_factory=dict)
    registry: RegistrySettings = RegistrySettings()
    lock: Lock | None = None
