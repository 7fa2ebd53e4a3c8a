"""docs/explanation/emulation.md tells of every board that can be emulated what its test proves."""

from __future__ import annotations

import re
from pathlib import Path

from lkboard.board.catalogue import boards

PAGE = Path(__file__).parents[1] / "docs/explanation/emulation.md"


def test_every_emulated_board_has_a_row_and_no_other() -> None:
    named = re.findall(r"^\| `([^` ]+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) == {board.id for board in boards([]) if board.emulation}
