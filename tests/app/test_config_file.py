"""Opening and saving keep what the user did not change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lkboard.app.config_file import ConfigFile, open_config, save_config
from lkboard.errors import LkboardError, OutputError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("content", [b"", b"a: 1\n", b"a: 1", b"a: 1\r\nb: 2\r\n", "ü: \u00a0x\n".encode()])
def test_a_file_that_is_opened_and_saved_keeps_its_bytes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(content)
    save_config(path, open_config(path))
    assert path.read_bytes() == content


def test_lines_are_separated_by_a_newline_whatever_the_file_has(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(b"a: 1\r\nb: 2\r\n")
    assert open_config(path) == ConfigFile("a: 1\nb: 2\n", "\r\n")


def test_mode_and_link_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "real.yml", tmp_path / "x.yml"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    save_config(link, ConfigFile("new"))
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_nothing_else_is_left(tmp_path: Path) -> None:
    save_config(tmp_path / "x.yml", ConfigFile("a"))
    assert os.listdir(tmp_path) == ["x.yml"]  # noqa: PTH208 - the names are the point


def test_a_save_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        save_config(path, ConfigFile("\ud800"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_a_folder_has_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.mkdir()
    with pytest.raises(OutputError, match=r"x\.yml: cannot be written: Is a directory"):
        save_config(path, ConfigFile("a"))
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LkboardError, match=r"x\.yml: the file is not UTF-8"):
        open_config(path)


def test_what_a_killed_save_left_goes_with_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".lkboard-00000000.part"
    left.write_text("half")
    save_config(tmp_path / "x.yml", ConfigFile("a"))
    assert not left.exists()


def test_a_new_file_has_the_mode_of_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save_config(tmp_path / "x.yml", ConfigFile("a"))
    finally:
        os.umask(before)
    assert (tmp_path / "x.yml").stat().st_mode & 0o777 == 0o640
