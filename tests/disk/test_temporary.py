"""Temporary files, and which of them are left by processes that were killed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from lkboard.disk.temporary import remove_leftovers, temporary_file

LEFT = ".lkboard-0123abcd.part"


def test_it_vanishes(tmp_path: Path) -> None:
    with temporary_file(tmp_path) as file:
        assert [path.name for path in tmp_path.iterdir()] == [Path(os.fsdecode(file.name)).name]
    assert list(tmp_path.iterdir()) == []
    assert file.closed


def test_it_stays_under_another_name(tmp_path: Path) -> None:
    with temporary_file(tmp_path) as file:
        file.write(b"data")
        Path(os.fsdecode(file.name)).rename(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"data"


def test_it_is_no_leftover_while_it_is_open(tmp_path: Path) -> None:
    with temporary_file(tmp_path) as file:
        remove_leftovers(tmp_path)
        assert Path(os.fsdecode(file.name)).exists()


def test_one_that_was_taken_for_a_leftover_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process cleans up after a file was made and before it is locked."""
    lock = fcntl.flock
    calls = []

    def flock(file: int, operation: int) -> None:
        calls.append(operation)
        if len(calls) == 1:
            remove_leftovers(tmp_path)
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with temporary_file(tmp_path) as file:
        assert Path(os.fsdecode(file.name)).exists()
    assert len(calls) == 3  # of the first file, of who removes it, of the second


def test_a_leftover_goes(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_bytes(b"half")
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_that_somebody_holds_stays(tmp_path: Path) -> None:
    with (tmp_path / LEFT).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        remove_leftovers(tmp_path)
        assert (tmp_path / LEFT).exists()
    remove_leftovers(tmp_path)
    assert not (tmp_path / LEFT).exists()


@pytest.mark.parametrize(
    "name", [".lkboard-0123abc.part", ".lkboard-0123abcde.part", ".lkboard-0123ABCD.part", ".lkboard-mine", "x.part"]
)
def test_files_of_other_names_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert (tmp_path / name).exists()


def test_what_is_no_ordinary_file_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    (tmp_path / LEFT).symlink_to("mine")
    (tmp_path / LEFT.replace("0", "1")).mkdir()
    os.mkfifo(tmp_path / LEFT.replace("0", "2"))
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "no")
    assert list(tmp_path.iterdir()) == []
