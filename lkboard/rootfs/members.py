"""Archives as gzip members, several pieces of them compressed at a time.

The kernel unpacks any sequence of members as long as none ends inside an entry (libs.md section 3). So small entries
share a member, and a large one becomes a member that is made in parts: nothing is in memory as a whole.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.disk import content as contents
from lkboard.disk.compress import Part, gzip_member, gzip_part, joined_parts
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from lkboard.model.extents import Source

MEMBER_SIZE = 4 << 20
LARGE_SIZE = 8 << 20
"""Entries above this many bytes are compressed in parts."""

_IN_FLIGHT_SIZE = 32 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """What is compressed at once: of an archive, counted from 0, a whole member or a part of one."""

    archive: int
    member: int
    content: Content
    is_part: bool = False


Packed = tuple[Piece, bytes | Part]


def pieces(archive: int, records: Iterable[Content]) -> Iterator[Piece]:
    """Yield an archive, given entry by entry, in pieces of about `MEMBER_SIZE`."""
    parts: list[Source] = []
    size = 0
    members = itertools.count()
    for record in records:
        is_large = record.size > LARGE_SIZE
        if parts and (is_large or size >= MEMBER_SIZE):
            yield Piece(archive, next(members), Content(tuple(parts)))
            parts, size = [], 0
        if is_large:
            member = next(members)
            yield from (Piece(archive, member, part, is_part=True) for part in contents.slices(record, MEMBER_SIZE))
        else:
            parts += record.parts
            size += record.size
    if parts:
        yield Piece(archive, next(members), Content(tuple(parts)))


def compressed(todo: Iterable[Piece], pool: ThreadPoolExecutor) -> Iterator[Packed]:
    """Yield pieces with what they are compressed, in their order; only so much is in memory at a time."""
    pending: deque[tuple[Piece, Future[bytes | Part]]] = deque()
    size = 0
    for piece in todo:
        while pending and size + piece.content.size > _IN_FLIGHT_SIZE:
            first, future = pending.popleft()
            size -= first.content.size
            yield first, future.result()
        pending.append((piece, pool.submit(_compress, piece)))
        size += piece.content.size
    for first, future in pending:
        yield first, future.result()


def members(results: Iterable[Packed]) -> Iterator[bytes]:
    """Yield the bytes of the gzip file that the pieces of one archive are."""
    for _member, group in itertools.groupby(results, lambda result: result[0].member):
        _piece, first = next(group)
        if isinstance(first, bytes):
            yield first
        else:
            rest = (part for _piece, part in group if isinstance(part, Part))
            yield from joined_parts(itertools.chain([first], rest))


def _compress(piece: Piece) -> bytes | Part:
    plain = bytearray(piece.content.size)
    at = 0
    for chunk in contents.chunks(piece.content):
        plain[at : at + len(chunk)] = chunk
        at += len(chunk)
    return (gzip_part if piece.is_part else gzip_member)(memoryview(plain))
