"""Text in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(rows: Sequence[tuple[str, ...]], alignment: str) -> str:
    """Return rows as lines with their columns below each other; ``alignment`` has ``<`` or ``>`` for each column."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, alignment, widths, strict=True))
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def one_line(text: str) -> str:
    """Return a text with line breaks and tabs escaped: names in images may hold them."""
    return text.replace("\n", "\\n").replace("\t", "\\t")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
