"""Finding boards: lkboard's own, the user's, and by folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.boards import BOARD, write_board

from lkboard.board.catalogue import boards, find_board, read_catalogue, user_boards_root
from lkboard.errors import BoardError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_boards_that_come_with_lkboard() -> None:
    assert [board.id for board in boards(extra=())] == ["arm64-efi", "rpi3", "x86-bios", "x86-efi"]


def test_the_users_boards_come_from_the_configuration_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    write_board(tmp_path / "lkboard" / "boards" / "toy")
    assert boards()[-1].id == "toy"


def test_without_the_variable_the_folder_is_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_boards_root() == tmp_path / ".config" / "lkboard" / "boards"


@pytest.mark.parametrize("name", ["toy", "plaything"])
def test_a_board_is_found_by_id_and_alias(tmp_path: Path, name: str) -> None:
    write_board(tmp_path / "toy")
    assert find_board(name, extra=(tmp_path,)).id == "toy"


def test_a_broken_board_does_not_hide_those_of_lkboard(tmp_path: Path) -> None:
    write_board(tmp_path / "broken", "{")
    assert find_board("rpi3", extra=(tmp_path,)).id == "rpi3"


@pytest.mark.parametrize("end", ["/", "/board.yml"])
def test_a_board_is_found_by_its_folder(tmp_path: Path, end: str) -> None:
    write_board(tmp_path / "elsewhere")
    assert find_board(f"{tmp_path}/elsewhere{end}", extra=()).id == "toy"


def test_a_folder_may_hold_a_board_whose_id_is_taken(tmp_path: Path) -> None:
    folder = write_board(tmp_path / "mine", BOARD.replace("id: toy", "id: rpi3"))
    assert find_board(f"{folder}/", extra=()).title == "Toy board"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rpi-3b", "there is no board 'rpi-3b' (did you mean 'rpi3b'?)"),
        ("toaster", "there is no board 'toaster' (known: arm64-efi, rpi3, x86-bios, x86-efi)"),
    ],
)
def test_an_unknown_board_is_refused_with_a_proposal(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_board(name, extra=())
    assert str(caught.value) == message


def test_a_broken_board_does_not_hide_the_others(tmp_path: Path) -> None:
    write_board(tmp_path / "bad", "id: [")
    write_board(tmp_path / "toy")
    catalogue = read_catalogue(extra=(tmp_path,))
    assert catalogue.boards[-1].id == "toy"
    assert [problem.where for problem in catalogue.problems] == [f"{tmp_path}/bad/board.yml:1:6"]


def test_asking_for_a_broken_board_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    write_board(tmp_path / "bad", "id: [")
    with pytest.raises(BoardError, match=r"board.yml:1:6: .*close the bracket"):
        find_board("bad", extra=(tmp_path,))


def test_an_id_is_never_taken_over_silently(tmp_path: Path) -> None:
    write_board(tmp_path / "mine", BOARD.replace("id: toy", "id: rpi3"))
    catalogue = read_catalogue(extra=(tmp_path,))
    assert catalogue.names()["rpi3"].vendor == "Raspberry Pi"
    assert "'rpi3' is taken" in str(catalogue.problems[0])


def test_an_id_wins_over_an_alias(tmp_path: Path) -> None:
    write_board(tmp_path / "toy", BOARD.replace("[plaything]", "[x86-efi]"))
    assert find_board("x86-efi", extra=(tmp_path,)).title == "PC with UEFI"


def test_folders_without_a_board_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert read_catalogue(extra=(tmp_path, tmp_path / "none")).problems == ()
