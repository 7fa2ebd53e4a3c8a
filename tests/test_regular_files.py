"""Pipes are told from files before they are opened, wherever a file is read as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.processes import lkboard
from support.waiting import PATIENCE

from lkboard.board.load import load_board
from lkboard.errors import BoardError
from lkboard.regular_files import check_regular

if TYPE_CHECKING:
    from collections.abc import Callable

MAKERS: list[Callable[[Path], object]] = [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/null")]


@pytest.mark.parametrize("make", MAKERS, ids=["pipe", "folder", "link to a device"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "x"
    make(path)
    with pytest.raises(OSError, match="a regular file is expected") as caught:
        check_regular(path)
    assert caught.value.filename == str(path)


def test_files_and_links_to_them_are_taken(tmp_path: Path) -> None:
    path, link = tmp_path / "x", tmp_path / "link"
    path.write_text("")
    link.symlink_to(path)
    check_regular(path)
    check_regular(link)


def test_what_is_not_there_is_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_regular(tmp_path / "none")


def test_a_board_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "board.yml")
    with pytest.raises(BoardError, match=r"board\.yml: a regular file is expected"):
        load_board(tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        ("run", "x", "--data-file", "pipe"),
        ("run", "x", "--disk", "pipe"),
        ("test", "pipe", "--board", "x86-efi"),
        ("build", "x.yml", "--format", "tar", "--input-tar", "pipe"),
        ("diff", "x.yml", "pipe"),
        ("write", "pipe", "--to", "y"),
        ("board", "show", "./board/"),
        ("cache", "import", "pipe"),
    ],
    ids=" ".join,
)
def test_no_verb_waits_for_a_pipe_that_nobody_writes_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("board").mkdir()
    os.mkfifo("board/board.yml")
    Path("x.yml").write_text("files: [{path: a, contents: x}]\n")
    Path("x-kernel").write_bytes(bytes(0x202) + b"HdrS")
    done = lkboard(*command, limit=PATIENCE)
    assert done.returncode in {1, 2}
    assert "pipe" in done.stderr or "board.yml" in done.stderr
