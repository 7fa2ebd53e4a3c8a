"""Folders that take the place of others, at once, whoever else does it and whenever they are killed."""

from __future__ import annotations

import ctypes
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.processes import ENVIRONMENT

from lkboard.disk.folders import replacing_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["exchange", "two renames"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A name for a folder, where the system can exchange folders and where it cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(ctypes, "CDLL", lambda *_arguments, **_options: object())
    return tmp_path / "made"


def fill(target: Path, text: str) -> None:
    with replacing_folder(target) as folder:
        (folder / "text").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears(target: Path) -> None:
    fill(target, "one")
    assert (target / "text").read_text() == "one"
    assert names(target.parent) == ["made"]


def test_an_empty_folder_is_replaced(target: Path) -> None:
    target.mkdir()
    fill(target, "one")
    assert (target / "text").read_text() == "one"


def test_a_full_folder_is_replaced_as_a_whole(target: Path) -> None:
    target.mkdir()
    (target / "other").write_text("old")
    fill(target, "two")
    assert names(target) == ["text"]
    assert names(target.parent) == ["made"]


def test_everybody_may_read_it_whom_the_mask_allows(target: Path) -> None:
    fill(target, "one")
    (target.parent / "usual").mkdir()
    assert target.stat().st_mode == (target.parent / "usual").stat().st_mode


def test_a_failure_leaves_what_was_there(target: Path) -> None:
    fill(target, "one")
    with pytest.raises(FileNotFoundError), replacing_folder(target) as folder:
        (folder / "no/such/folder").write_text("two")
    assert (target / "text").read_text() == "one"
    assert names(target.parent) == ["made"]


def test_a_file_is_not_replaced(target: Path) -> None:
    target.write_text("mine")
    with pytest.raises(NotADirectoryError):
        fill(target, "one")
    assert target.read_text() == "mine"
    assert names(target.parent) == ["made"]


def test_one_within_another_run_is_replaced_by_it(target: Path) -> None:
    with replacing_folder(target) as folder:
        (folder / "text").write_text("outer")
        fill(target, "inner")
        assert (target / "text").read_text() == "inner"
    assert (target / "text").read_text() == "outer"
    assert names(target.parent) == ["made"]


# leftovers


def leftover(target: Path, *within: str) -> Path:
    folder = target.with_name(f".{target.name}.lkboard-x")
    folder.mkdir()
    for name in within:
        (folder / name).mkdir()
    return folder


@pytest.mark.parametrize("left", [(), ("new",), ("new", "old")])
def test_what_a_killed_run_left_is_removed(tmp_path: Path, left: tuple[str, ...]) -> None:
    target = tmp_path / "made"
    target.mkdir()
    leftover(target, *left)
    fill(target, "one")
    assert names(tmp_path) == ["made"]


@pytest.mark.parametrize("kept", [("new", "notes"), ("notes",)])
def test_what_somebody_else_made_is_kept(tmp_path: Path, kept: tuple[str, ...]) -> None:
    folder = leftover(tmp_path / "made", *kept)
    fill(tmp_path / "made", "one")
    assert names(folder) == sorted(kept)


def test_the_only_copy_is_kept_until_there_is_another(tmp_path: Path) -> None:
    target = tmp_path / "made"
    folder = leftover(target, "new", "old")
    with pytest.raises(ZeroDivisionError), replacing_folder(target):
        raise ZeroDivisionError
    assert (folder / "old").is_dir()
    fill(target, "one")
    fill(target, "two")
    assert not folder.exists()


def test_what_another_process_fills_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "made"
    folder = leftover(target, "new")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        fill(target, "one")
        assert (folder / "new").is_dir()
    finally:
        os.close(descriptor)


KILLED = """
import os, signal, sys
from pathlib import Path
from lkboard.disk.folders import replacing_folder

target, left = Path(sys.argv[1]), int(sys.argv[2])

def count(event, _arguments):
    global left
    if event.partition(".")[0] in {"os", "shutil", "ctypes", "fcntl"}:
        left -= 1
        if left == -1:  # the signal is an event as well
            os.kill(os.getpid(), signal.SIGKILL)

with replacing_folder(target) as folder:
    (folder / "text").write_text("two")
    sys.addaudithook(count)
"""


def test_a_kill_at_any_moment_leaves_one_of_the_two(tmp_path: Path) -> None:
    target = tmp_path / "made"
    seen = []
    status = -9
    while status == -9:
        fill(target, "one")
        status = subprocess.run(
            [sys.executable, "-c", KILLED, target, str(len(seen))], env=ENVIRONMENT, check=False
        ).returncode
        seen.append((target / "text").read_text())
    assert status == 0
    assert seen == sorted(seen)
    assert {*seen[:-1]} == {"one", "two"}
    assert names(tmp_path) == ["made"]
