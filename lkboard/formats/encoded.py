"""Outputs whose size nobody knows before they are compressed: they are made in the cache and copied from there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lkboard.model.extents import Extent, ExtentMap, FileSpan
from lkboard.oci.store.files import new_file, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkboard.formats.format import BuildInput

_MODE = 0o644


def encoded(build: BuildInput, name: str, pieces: Iterable[bytes]) -> ExtentMap:
    """Return the pieces, one after the other, as a file that is kept as ``name``, which must name their content.

    Raises `StoreUnusable`, `Cancelled`, and what making a piece raises.
    """
    path = build.cache_dir / name
    digest, size = hashlib.sha256(), 0
    with store_errors(build.cache_dir):
        build.cache_dir.mkdir(parents=True, exist_ok=True)
        with new_file(path, build.cache_dir, _MODE) as file:
            for piece in pieces:
                build.job.check()
                file.write(piece)
                digest.update(piece)
                size += len(piece)
    span = FileSpan(str(path), 0, size, f"sha256:{digest.hexdigest()}")
    return ExtentMap((Extent(0, span),) if size else (), size)
