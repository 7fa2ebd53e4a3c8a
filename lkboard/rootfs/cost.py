"""What entries take in a compressed initrd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.disk import cpio
from lkboard.disk.compress import gzip_member
from lkboard.model.rootfs import Rootfs, Segment
from lkboard.rootfs.segments import build_initrd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.rootfs import Entry

_PIECE_SIZE = 4 << 20


def packed_size(entries: Sequence[Entry], job: Job) -> int:
    """Return about how many bytes of an initrd some entries take: those that they are when packed by themselves.

    Raises `BuildError` when a source cannot be read, and `Cancelled`.
    """
    total, plain = 0, bytearray()
    for record in cpio.records(entries):
        for chunk in contents.chunks(record):
            job.check()
            plain += chunk
            if len(plain) >= _PIECE_SIZE:
                total += len(gzip_member(memoryview(plain)))
                plain.clear()
    return total + (len(gzip_member(memoryview(plain))) if plain else 0)


def packed_sizes(groups: Sequence[Sequence[Entry]], cache_dir: Path, job: Job) -> tuple[int, ...]:
    """Return how many bytes of an initrd each group takes as a segment; ``cache_dir`` keeps them for the next build.

    Raises as `build_initrd` does.
    """
    initrd = build_initrd(Rootfs(tuple(Segment("", tuple(group)) for group in groups)), cache_dir, job)
    *segments, _trailer = initrd.parts
    return tuple(part.size for part in segments)
