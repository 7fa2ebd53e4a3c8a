"""A whole map as a gzip file (RFC 1952) whose bytes are the same on every machine."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lkboard.disk.blocks import data_extents, used_blocks
from lkboard.disk.compress import gzip_member
from lkboard.disk.window import MapReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.extents import ExtentMap

MEMBER = 4 << 20
"""Bytes that are compressed together: libdeflate does not make longer streams. Readers join members (section 2.2)."""


def chunks(extents: ExtentMap) -> Iterator[bytes]:
    """Yield the members of a map. Holes cost next to nothing. Raises `BuildError` when a source cannot be read."""
    zeros = functools.cache(lambda size: gzip_member(bytes(size)))
    used = {number for run in used_blocks(data_extents(extents), MEMBER) for number in run}
    with MapReader(extents) as reader:
        for number in range(-(-extents.size // MEMBER)):
            size = min(MEMBER, extents.size - number * MEMBER)
            yield gzip_member(reader.read(number * MEMBER, size)) if number in used else zeros(size)
