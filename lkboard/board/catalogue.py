"""All boards: those that come with lkboard, then the user's own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.board.load import FILE_NAME, load_board
from lkboard.errors import BoardError, UsageError
from lkboard.home import user_folder
from lkboard.model.suggest import suggest
from lkboard.resources import boards_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.resources.abc import Traversable

    from lkboard.model.board import Board


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The boards that could be read, sorted by id within their folder, and what is wrong with the others."""

    boards: tuple[Board, ...]
    problems: tuple[BoardError, ...] = ()

    def names(self) -> Mapping[str, Board]:
        """Return the boards by id and by alias."""
        aliases = {alias: board for board in reversed(self.boards) for alias in board.aliases}
        return aliases | {board.id: board for board in self.boards}


def user_boards_root() -> Path | None:
    """Return the folder of the user's own boards, ``$XDG_CONFIG_HOME/lkboard/boards``; None without a home."""
    config = user_folder("XDG_CONFIG_HOME", ".config")
    return config / "lkboard" / "boards" if config else None


def read_catalogue(extra: Sequence[Traversable] | None = None) -> Catalogue:
    """Read every board. ``extra`` are further folders of boards; None is the user's own folder.

    A broken board, or one whose id is taken, becomes a problem and does not hide the others.
    """
    boards: dict[str, Board] = {}
    problems: list[BoardError] = []
    if extra is None:
        own = user_boards_root()
        extra = [own] if own else []
    for root in (boards_root(), *extra):
        for folder in _folders(root):
            try:
                board = load_board(folder)
                _add(boards, board)
            except BoardError as error:
                problems.append(error)
    return Catalogue(tuple(boards.values()), tuple(problems))


def boards(extra: Sequence[Traversable] | None = None) -> tuple[Board, ...]:
    """Return every board that can be read."""
    return read_catalogue(extra).boards


def find_board(name: str, extra: Sequence[Traversable] | None = None) -> Board:
    """Return a board by id, alias, or the path of its folder.

    Raises `UsageError` for a name that no board has, `BoardError` for one that cannot be read.
    """
    if "/" in name or name in {".", ".."}:
        folder_name = Path(name.removesuffix(FILE_NAME))
        with suppress(RuntimeError):  # nobody has that home directory
            folder_name = folder_name.expanduser()
        return load_board(folder_name)
    folder = boards_root() / name
    if (folder / FILE_NAME).is_file() and (board := load_board(folder)).id == name:
        return board  # without reading all the others
    catalogue = read_catalogue(extra)
    names = catalogue.names()
    if name in names:
        return names[name]
    for problem in catalogue.problems:
        if f"/{name}/{FILE_NAME}" in (problem.where or ""):
            raise problem
    hint = suggest(name, [*names], fallback=[board.id for board in catalogue.boards])
    raise UsageError(f"there is no board '{name}'", hint=hint)


def _folders(root: Traversable) -> list[Traversable]:
    if not root.is_dir():
        return []
    return sorted((item for item in root.iterdir() if (item / FILE_NAME).is_file()), key=lambda item: item.name)


def _add(boards: dict[str, Board], board: Board) -> None:
    other = boards.get(board.id)
    if other is not None:
        hint = f"choose another id; it is the one of {other.place}"
        raise BoardError(f"id: '{board.id}' is taken", where=board.place, hint=hint)
    boards[board.id] = board
