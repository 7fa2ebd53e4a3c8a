"""Where bytes come from and where they go: nothing is copied until it is written.

A `Content` is the bytes of one file as a list of sources. An `ExtentMap` places sources at offsets of something larger
(an archive, a file system, a disk); what it does not mention reads as zeros.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

Stamp = tuple[int, int, int, int]
"""Device, inode, size in bytes and time of the last change in ns: two states of a file differ in one of them."""


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what tells one state of a file from another."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes held in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class FileSpan:
    """``size`` bytes at ``offset`` of the file ``path``.

    ``digest`` (``sha256:<hex>``) names the bytes of the *whole* file where it is known, so that keys derived from
    contents do not depend on paths; empty for a file of the user that nobody has hashed. ``stamp`` (see `stamp_of`) is
    the state in which a file that may be edited was found; None for files that nobody edits.
    """

    path: str
    offset: int
    size: int
    digest: str = ""
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Zeros:
    """``size`` zero bytes; written as a hole where the medium has holes."""

    size: int


Source = Inline | FileSpan | Zeros


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one file: its sources, one after the other."""

    parts: tuple[Source, ...] = ()

    @classmethod
    def of(cls, data: bytes) -> Content:
        """Return a content held in memory."""
        return cls((Inline(data),)) if data else cls()

    @property
    def size(self) -> int:
        """Length in bytes."""
        return sum(part.size for part in self.parts)

    def __add__(self, other: Content) -> Content:
        """Return this content followed by another."""
        return Content(self.parts + other.parts)


EMPTY = Content()


@dataclass(frozen=True, slots=True)
class Extent:
    """A source at an offset, both in bytes."""

    offset: int
    source: Source

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.source.size

    @property
    def end(self) -> int:
        """First offset behind the extent."""
        return self.offset + self.source.size


@dataclass(frozen=True, slots=True)
class ExtentMap:
    """Extents sorted by offset, without overlap, and the exact total size in bytes.

    Raises ValueError when extents overlap, are out of order or pass the end: a writer's bug, never a user's mistake.
    """

    extents: tuple[Extent, ...]
    size: int

    def __post_init__(self) -> None:
        for before, after in itertools.pairwise(self.extents):
            if before.end > after.offset:
                raise ValueError(f"extent at {after.offset} overlaps the one at {before.offset}")
        if self.extents and (self.extents[0].offset < 0 or self.extents[-1].end > self.size):
            raise ValueError(f"extents end at {self.extents[-1].end}, the map at {self.size}")

    @property
    def mapped_bytes(self) -> int:
        """Bytes that are not holes."""
        return sum(extent.size for extent in self.extents if not isinstance(extent.source, Zeros))

    def shifted(self, offset: int) -> tuple[Extent, ...]:
        """Return the extents moved by ``offset`` bytes, for use inside a larger map."""
        return tuple(Extent(extent.offset + offset, extent.source) for extent in self.extents)


def place(content: Content, offset: int) -> tuple[Extent, ...]:
    """Return a content as extents that start at ``offset``."""
    extents = []
    for part in content.parts:
        extents.append(Extent(offset, part))
        offset += part.size
    return tuple(extents)
