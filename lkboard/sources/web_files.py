"""Which files from web servers a store has: an OCI artifact lists them, which keeps them from garbage collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.image import Descriptor
from lkboard.oci.store.artifact import artifact_files, set_artifact
from lkboard.oci.store.locks import exclusive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.events import Job
    from lkboard.oci.store.store import Store

LIST_NAME = "lkboard.local/files:urls"
"""The name of the list in a store; no registry has it."""

_ARTIFACT_TYPE = "application/vnd.lkboard.files"
_FILE_TYPE = "application/octet-stream"
_URL = "org.opencontainers.image.url"


def describe(address: str, digest: str, size: int) -> Descriptor:
    """Return a file as a layer of the artifact; ``address`` bears no login, ``size`` is in bytes."""
    return Descriptor(_FILE_TYPE, digest, size, annotations=((_URL, address),))


def list_files(store: Store, files: Sequence[Descriptor], job: Job) -> None:
    """List files that are in the store. Raises `OciError`, `Cancelled`; a store that lists them is only read."""
    if {file.digest for file in files} <= {file.digest for file in artifact_files(store, LIST_NAME)}:
        return
    with exclusive(store.derived_dir("locks") / "files", job):
        known = {file.digest: file for file in (*artifact_files(store, LIST_NAME), *files)}
        set_artifact(store, LIST_NAME, _ARTIFACT_TYPE, tuple(known.values()), job)
