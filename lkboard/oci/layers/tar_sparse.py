"""The maps of sparse files in tar archives (GNU tar manual, "Storing Sparse Files"): old GNU, pax 0.1 and pax 1.0.

A map is a list of pieces: offset in the file and size, in bytes. What it leaves out reads as zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.model.extents import Content, Zeros
from lkboard.oci.layers.tar_fields import decimal, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lkboard.model.extents import Source

Piece = tuple[int, int]

_OLD_MAP, _OLD_PIECES, _OLD_MORE, _OLD_SIZE = 386, 4, 482, slice(483, 495)
_NEXT_PIECES, _NEXT_MORE = 21, 504
_PIECE_SIZE = 24
_DIGITS_LIMIT = 20
_PIECES_LIMIT = 100_000


def old_map(header: bytes, next_block: Callable[[], bytes]) -> tuple[list[Piece], int]:
    """Return map and file size of a header of type ``S``; ``next_block`` reads the blocks that continue the map."""
    pieces = list(_old_pieces(header, _OLD_MAP, _OLD_PIECES))
    has_more = header[_OLD_MORE]
    while has_more:
        block = next_block()
        pieces += _old_pieces(block, 0, _NEXT_PIECES)
        _check_count(len(pieces))
        has_more = block[_NEXT_MORE]
    return pieces, number(header[_OLD_SIZE])


def _old_pieces(block: bytes, start: int, count: int) -> Iterator[Piece]:
    for at in range(start, start + count * _PIECE_SIZE, _PIECE_SIZE):
        offset, size = block[at : at + 12], block[at + 12 : at + _PIECE_SIZE]
        if not offset.strip(b"\0"):
            return
        yield number(offset), number(size)


def pax_map(records: Mapping[str, bytes], next_block: Callable[[], bytes]) -> tuple[list[Piece], int]:
    """Return map and file size that pax records (0.1) or the first blocks of the data (1.0) describe.

    Raises ValueError for the abandoned version 0.0 and for what makes no sense.
    """
    version = records.get("GNU.sparse.major", b"0"), records.get("GNU.sparse.minor", b"1")
    if version == (b"1", b"0"):
        return _pairs(list(_numbers(next_block))), decimal(records.get("GNU.sparse.realsize", b""))
    if version == (b"0", b"1") and "GNU.sparse.map" in records:
        items = [decimal(item) for item in records["GNU.sparse.map"].split(b",")]
        return _pairs(items), decimal(records.get("GNU.sparse.size", b""))
    raise ValueError("describes a sparse file in an unknown way")


def _check_count(pieces: int) -> None:
    if pieces > _PIECES_LIMIT:
        raise ValueError(f"has a sparse map of more than {_PIECES_LIMIT} pieces")


def _numbers(next_block: Callable[[], bytes]) -> Iterator[int]:
    """Yield the decimal lines in front of the data: how many pieces, then offset and size of each."""
    rest, left = b"", 1
    is_count = True
    while left:
        line, newline, tail = rest.partition(b"\n")
        if not newline:
            if len(rest) > _DIGITS_LIMIT:
                raise ValueError("has a broken sparse map")
            rest += next_block()
            continue
        rest = tail
        left -= 1
        if is_count:
            left, is_count = 2 * decimal(line), False
            _check_count(left // 2)
        else:
            yield decimal(line)


def _pairs(items: Sequence[int]) -> list[Piece]:
    if len(items) % 2:
        raise ValueError("has a broken sparse map")
    return list(zip(items[::2], items[1::2], strict=True))


def content(pieces: Sequence[Piece], size: int, span: Callable[[int, int], Source]) -> Content:
    """Return a sparse file as a content. ``span`` makes a source of stored bytes (offset in them, size).

    Raises ValueError when pieces overlap or pass the end.
    """
    parts: list[Source] = []
    at = stored = 0
    for offset, length in pieces:
        if offset < at or length < 0 or offset + length > size:
            raise ValueError("has a sparse map that makes no sense")
        parts += [Zeros(offset - at), span(stored, length)]
        at, stored = offset + length, stored + length
    parts.append(Zeros(size - at))
    return Content(tuple(part for part in parts if part.size))


def stored_size(pieces: Sequence[Piece]) -> int:
    """Return how many bytes of data the archive holds for a map."""
    return sum(size for _offset, size in pieces)
