"""Whatever a ``board.yml`` holds, the answer is a board or one clear error."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.boards import BOARD, write_board

from lkboard.board.load import load_board
from lkboard.errors import BoardError

if TYPE_CHECKING:
    from pathlib import Path

LINES = BOARD.splitlines()
SCRAPS = [
    "",
    "null",
    "[]",
    "{}",
    "[[]]",
    "- x",
    "&a [*a]",
    "!!python/object:os.system x",
    "2026-01-01",
    "0x10",
    "'",
    "é",
]


@st.composite
def damaged_boards(draw: st.DrawFn) -> str:
    """The toy board with some values replaced, lines lost or doubled."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(("replace", "drop", "double")))
        if kind == "replace":
            name, colon, _ = lines[index].partition(":")
            lines[index] = f"{name}{colon} {draw(st.sampled_from(SCRAPS))}"
        elif kind == "drop":
            del lines[index]
        else:
            lines.insert(index, lines[index])
    return "\n".join(lines)


def place_of(folder: Path) -> str:
    """Return where the board is, or where it is wrong."""
    try:
        return str(load_board(folder).place)
    except BoardError as error:
        return error.where or ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(damaged_boards())
def test_a_damaged_board_is_a_board_or_an_error_with_a_place(tmp_path: Path, text: str) -> None:
    folder = write_board(tmp_path / "toy", text)
    assert place_of(folder).startswith(f"{folder}/board.yml:")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_board_or_an_error(tmp_path: Path, text: str) -> None:
    folder = write_board(tmp_path / "toy", text)
    with suppress(BoardError):
        load_board(folder)
        pytest.fail("60 characters are too few for a board")


def test_nested_anchors_cost_nothing(tmp_path: Path) -> None:
    """A million strings in 500 characters."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 7)]
    folder = write_board(tmp_path / "toy", "\n".join(levels))
    with pytest.raises(BoardError, match="the aliases stand for more than"):
        load_board(folder)
