"""Extent maps of all kinds, and what they stand for, computed the simplest way."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st

from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
NOISE = random.Random(1).randbytes(2 * MIB)
_SIZES = (1, 511, 512, 4095, 4096, 5000, 65_536, 70_000, 300_000, MIB - 1, MIB, MIB + 4097)


@dataclass(frozen=True, slots=True)
class Piece:
    """One extent of a map that is still to be made: ``start`` is where in the noise its bytes come from."""

    offset: int
    kind: Literal["inline", "file", "zeros"]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A map without paths, so that Hypothesis can make it before there is a folder."""

    pieces: tuple[Piece, ...]
    size: int

    def make(self, folder: Path) -> ExtentMap:
        """Return the map; the bytes of files are in ``folder``."""
        noise = folder / "noise"
        if not noise.exists():
            noise.write_bytes(NOISE)
        return ExtentMap(tuple(Extent(piece.offset, _source(piece, noise)) for piece in self.pieces), self.size)

    def bytes(self, before: bytes = b"\0") -> bytes:
        """Return the whole: what no piece covers is ``before``, repeated."""
        whole = bytearray(before * self.size)
        for piece in self.pieces:
            data = bytes(piece.size) if piece.kind == "zeros" else NOISE[piece.start : piece.start + piece.size]
            whole[piece.offset : piece.offset + piece.size] = data
        return bytes(whole)

    @property
    def mapped(self) -> list[int]:
        """An offset inside each piece."""
        return [piece.offset + piece.size // 2 for piece in self.pieces]


def _source(piece: Piece, noise: Path) -> Inline | FileSpan | Zeros:
    if piece.kind == "inline":
        return Inline(NOISE[piece.start : piece.start + piece.size])
    if piece.kind == "file":
        return FileSpan(str(noise), piece.start, piece.size)
    return Zeros(piece.size)


@st.composite
def recipes(draw: st.DrawFn, *, min_pieces: int = 0, unit: int = 1, max_size: int = 6 * MIB) -> Recipe:
    """Return maps of up to ``max_size`` bytes whose size is a multiple of ``unit``."""
    pieces: list[Piece] = []
    position = 0
    for _ in range(draw(st.integers(min_pieces, 6))):
        offset = position + draw(st.sampled_from((0, 1, 4096, 100_000, MIB)))
        size = draw(st.sampled_from(_SIZES))
        if offset + size > max_size:
            break
        kind = draw(st.sampled_from(("inline", "file", "zeros")))
        pieces.append(Piece(offset, kind, draw(st.integers(0, len(NOISE) - size)), size))
        position = offset + size
    end = min(position + draw(st.sampled_from((0, 1, 4096, MIB + 1))), max_size)
    return Recipe(tuple(pieces), max(-(-max(end, position) // unit) * unit, unit))
