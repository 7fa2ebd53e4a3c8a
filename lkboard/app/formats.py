"""The output formats that lkboard knows."""

from __future__ import annotations

from dataclasses import dataclass


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
    """Return all formats by name. Raises `BuildError` when a plug-in is broken."""
    from lkboard.formats import catalogue

    return tuple(
        ListedFormat(
            name=name,
            title=found.title,
            outputs=found.outputs,
            architectures=found.architectures,
            boards=tuple(sorted((found.boards or {}).values())),
            needs_board=found.boards is not None and not found.boards,
        )
        for name, found in sorted(catalogue().items())
    )
