"""Rules that every board that comes with lkboard keeps."""

from __future__ import annotations

import pytest

from lkboard.board.catalogue import boards
from lkboard.formats import catalogue
from lkboard.model.board import Board, DebianSource
from lkboard.resources import boards_root

BOARDS = boards(extra=())


def test_each_folder_is_named_like_its_board() -> None:
    folders = sorted(item.name for item in boards_root().iterdir() if item.is_dir())
    assert folders == [board.id for board in BOARDS]


def test_no_name_is_used_twice() -> None:
    names = [name for board in BOARDS for name in (board.id, *board.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
class TestEachBoard:
    def test_its_format_exists(self, board: Board) -> None:
        assert board.format in catalogue()

    def test_every_file_has_a_licence(self, board: Board) -> None:
        assert [file.to for file in board.files if not file.licence or not file.is_redistributable] == []

    def test_the_licence_of_each_package_is_on_the_medium(self, board: Board) -> None:
        sources = [file.source for file in board.files if isinstance(file.source, DebianSource)]
        with_licence = {source.package for source in sources if source.path.endswith("/copyright")}
        assert {source.package for source in sources} == with_licence

    def test_it_says_what_its_emulation_does_not_cover(self, board: Board) -> None:
        assert board.emulation is not None
        assert board.emulation.not_covered

    def test_its_modules_are_listed_once(self, board: Board) -> None:
        assert sorted(set(board.modules)) == sorted(board.modules)

    def test_its_last_console_is_a_serial_port(self, board: Board) -> None:
        assert board.console[-1].startswith("ttyS" if board.architecture == "amd64" else ("ttyS", "ttyAMA"))
