"""Imports may take longer than garbage stays: the blobs that one brings have no name yet, and are kept all the same."""

from __future__ import annotations

import math
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lkboard.oci.store.locks import exclusive, unless_held
from lkboard.oci.store.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.oci.store.store import Store

HOLDS = "holds"
"""The folder with a locked folder for each such work, as old as it is."""


@contextmanager
def hold(store: Store, job: Job) -> Iterator[None]:
    """Keep garbage collection from blobs that are used during the block. Raises `StoreUnusable`, `Cancelled`."""
    with scratch_folder(store.derived_dir(HOLDS), job):
        yield


def held_since(store: Store, job: Job) -> float:
    """Return since when blobs that are used are held, in Unix seconds: never, or since the oldest work began."""
    parent = store.private / HOLDS
    if not parent.is_dir():
        return math.inf
    with exclusive(parent, job):  # a folder that is just being made is not locked yet
        return min((begun for folder in parent.iterdir() for begun in _begun(folder)), default=math.inf)


def _begun(folder: Path) -> Iterator[float]:
    """Yield when the work that holds a folder began, nothing if it is over."""
    with suppress(FileNotFoundError):
        begun = folder.stat().st_mtime
        with unless_held(folder) as is_free:
            if not is_free:
                yield begun
