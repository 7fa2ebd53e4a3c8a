"""Where the tests of every kind of target write to, and how each looks from outside."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.model.target import WritePlan
from support.loops import attached, device_at, filled_file, sparse_file
from support.maps import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

CARD_SIZE = 10 * MIB
TEMPORARY = ".lkboard-*.part"
"""Files that have not got their names yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """``plan`` leads to it; ``medium`` finds the file with what was written so far, ``finished`` one with the whole.

    ``is_unfinished`` tells whether nothing can take it for a finished image.
    """

    plan: WritePlan
    medium: Callable[[], Path]
    finished: Path
    is_unfinished: Callable[[], bool]


@contextlib.contextmanager
def _file(folder: Path, _used: bool) -> Iterator[Place]:
    path = folder / "out"
    path.unlink(missing_ok=True)

    def part() -> Path:
        return next(folder.glob(TEMPORARY), folder / "none")

    yield Place(WritePlan("", str(path), 0, 0), part, path, lambda: not path.exists() and not part().exists())


@contextlib.contextmanager
def _block(folder: Path, used: bool) -> Iterator[Place]:
    card = filled_file(folder / "card", CARD_SIZE) if used else sparse_file(folder / "card", CARD_SIZE)

    def is_blank() -> bool:
        data = card.read_bytes()
        return not any(data[:MIB]) and not any(data[-MIB:])

    with attached(card) as path:
        yield Place(WritePlan("", str(path), 0, 0, device=device_at(path)), lambda: card, card, is_blank)


_PLACES: dict[str, Callable[[Path, bool], AbstractContextManager[Place]]] = {"file": _file, "block": _block}


def place(kind: str, folder: Path, *, used: bool = False) -> AbstractContextManager[Place]:
    """Make a place for a kind of target, full of zeros or ``used`` before; a new kind has to be added here."""
    return _PLACES[kind](folder, used)
