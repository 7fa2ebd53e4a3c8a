"""Which Debian packages the store has: one OCI artifact per architecture lists them.

It keeps the package files from garbage collection, and lets a later run find them without a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.image import Descriptor
from lkboard.model.kit import shelf_name
from lkboard.model.package import Package
from lkboard.oci.store.artifact import artifact_files, set_artifact
from lkboard.oci.store.locks import exclusive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.events import Job
    from lkboard.oci.store.store import Store

_PACKAGE_TYPE = "application/vnd.debian.binary-package"
_ARTIFACT_TYPE = "application/vnd.lkboard.debian-packages"
_PREFIX = "org.lkboard.debian."
_NOTED = ("name", "version", "architecture", "suite")


class Shelf:
    """The lists of packages in a store."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self._job = job

    def packages(self, architecture: str) -> tuple[Package, ...]:
        """Return the packages for an architecture, in the order in which they came. Raises `OciError`."""
        files = artifact_files(self._store, shelf_name(architecture))
        return tuple(_package(file) for file in files if self._store.has(file.digest))

    def add(self, packages: Sequence[Package], architecture: str) -> None:
        """List packages whose files are in the store; those that are listed already keep their place.

        A store that lists them all is only read.
        """
        if {*packages} <= {*self.packages(architecture)}:
            return
        with exclusive(self._store.derived_dir("apt") / "shelf.lock", self._job):
            after = dict.fromkeys((*self.packages(architecture), *packages))
            files = [describe(package) for package in after]
            set_artifact(self._store, shelf_name(architecture), _ARTIFACT_TYPE, files, self._job)


def describe(package: Package) -> Descriptor:
    """Return the file of a package as a layer of the artifact."""
    notes = tuple((_PREFIX + field, getattr(package, field)) for field in _NOTED)
    return Descriptor(_PACKAGE_TYPE, package.digest, package.size, annotations=notes)


def _package(layer: Descriptor) -> Package:
    notes = dict(layer.annotations)
    fields = {name: notes.get(_PREFIX + name, "") for name in _NOTED}
    return Package(**fields, sha256=layer.digest.partition(":")[2], size=layer.size)
