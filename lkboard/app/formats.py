"""The output formats that lkboard knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ListedFormat:
    """A kind of output: ``outputs`` are the suffixes of its files; no ``architectures`` means any.

    ``boards`` are the boards that it is made for when none is named; a format that ``needs_board`` is made through a
    board only.
    """

    name: str
    title: str
    outputs: tuple[str, ...]
    architectures: tuple[str, ...]
    boards: tuple[str, ...]
    needs_board: bool


def list_formats() -> tuple[ListedFormat, ...]:
    """Return all formats by name, also those that are boards. Raises `BuildError` when a plug-in is broken."""
    return tuple(sorted((*_made(), *_aliases()), key=lambda listed: listed.name))


def _made() -> Iterator[ListedFormat]:
    from lkboard.formats import catalogue

    for name, found in catalogue().items():
        yield ListedFormat(
            name=name,
            title=found.title,
            outputs=found.outputs,
            architectures=found.architectures,
            boards=tuple(sorted((found.boards or {}).values())),
            needs_board=found.boards is not None and not found.boards,
        )


def _aliases() -> Iterator[ListedFormat]:
    """Yield what ``--format`` takes in the place of ``--board``."""
    from lkboard.app.planning import BOARD_FORMATS
    from lkboard.board.catalogue import find_board

    for name in BOARD_FORMATS:
        board = find_board(name)
        title = f"{board.title}, the same as --board {name}"
        yield ListedFormat(name, title, (f"-{name}{board.suffix}",), (board.architecture,), (name,), needs_board=False)
