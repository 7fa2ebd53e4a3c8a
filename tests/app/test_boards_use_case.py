"""Listing boards for both front ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.boards import write_board

from lkboard.app.boards import get_board, list_boards
from lkboard.errors import UsageError
from lkboard.events import Note

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder of boards."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "lkboard" / "boards"


def test_the_users_boards_are_listed_with_the_others(mine: Path, job: RecordingJob) -> None:
    write_board(mine / "toy")
    assert [board.id for board in list_boards(job)] == ["arm64-efi", "rpi3", "x86-bios", "x86-efi", "toy"]
    assert job.events == []


def test_a_broken_board_is_left_out_with_a_warning(mine: Path, job: RecordingJob) -> None:
    write_board(mine / "bad", "id: [")
    assert [board.id for board in list_boards(job)] == ["arm64-efi", "rpi3", "x86-bios", "x86-efi"]
    (note,) = job.events
    assert isinstance(note, Note)
    assert (note.level, note.text.partition(": ")[0]) == ("warning", "this board is left out")
    assert "bad/board.yml:1:6" in note.text


def test_a_board_by_name(mine: Path) -> None:
    write_board(mine / "toy")
    assert get_board("plaything").id == "toy"


@pytest.mark.usefixtures("mine")
def test_an_unknown_board() -> None:
    with pytest.raises(UsageError, match="there is no board 'x99'"):
        get_board("x99")
