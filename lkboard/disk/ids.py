"""Identities made from content: what tools usually take from the clock or a random generator.

The same bytes give the same identities, so an image is the same on every machine.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from lkboard.disk import content
from lkboard.disk.blocks import data_extents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lkboard.model.disk import BootFile
    from lkboard.model.extents import ExtentMap


def seed(files: Iterable[BootFile], on_chunk: Callable[[], None] = lambda: None) -> bytes:
    """Return 32 bytes that stand for the paths and contents of files, in their order.

    ``on_chunk`` is called at least for every MiB. Raises `BuildError`, and what ``on_chunk`` raises.
    """
    state = hashlib.sha256()
    for file in files:
        state.update(f"{content.digest(file.content, on_chunk)} {file.path}\0".encode())
    return state.digest()


def map_seed(extents: ExtentMap, on_chunk: Callable[[], None] = lambda: None) -> bytes:
    """Return 32 bytes that stand for a whole map: its size, its data and where they are.

    ``on_chunk`` is called at least for every MiB. Raises `BuildError`, and what ``on_chunk`` raises.
    """
    state = hashlib.sha256(b"%d" % extents.size)
    for extent in data_extents(extents):
        state.update(b"%d %d\0" % (extent.offset, extent.size))
        for chunk in content.source_chunks(extent.source):
            on_chunk()
            state.update(chunk)
    return state.digest()


def guid(seed: bytes, name: str) -> str:
    """Return an upper-case GUID (RFC 9562, version 5) for what ``name`` says (``disk``, ``partition 1``)."""
    return str(uuid.uuid5(uuid.UUID(bytes=seed[:16]), name)).upper()


def number(seed: bytes, name: str) -> int:
    """Return a 32-bit number for what ``name`` says; never 0, which stands for "no identity" in an MBR."""
    value = hashlib.sha256(seed + name.encode()).digest()[:4]
    return int.from_bytes(value, "little") or 1
