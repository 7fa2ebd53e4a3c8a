"""Files that take their names together, whatever kills the process in between."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import ENVIRONMENT

from lkboard.disk.folders import holding
from lkboard.disk.replacing import check_room, replacing
from lkboard.disk.temporary import remove_leftovers
from lkboard.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_names_are_taken_at_the_end(tmp_path: Path) -> None:
    with replacing((tmp_path / "a", tmp_path / "b")) as (first, second):
        first.write(b"first")
        second.write(b"second")
        assert all(name.startswith(".lkboard-") for name in names(tmp_path))
    assert names(tmp_path) == ["a", "b"]
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"first", b"second")


def test_a_block_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    for name in ("a", "a.sum"):
        (tmp_path / name).write_bytes(b"old")
    failing = replacing((tmp_path / "a",), stale=[tmp_path / "a.sum"])
    with pytest.raises(ZeroDivisionError), failing as (file,):
        file.write(bytes(1 // 0))
    assert names(tmp_path) == ["a", "a.sum"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_what_is_stale_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.sum").write_bytes(b"old")
    with replacing((tmp_path / "a",), stale=[tmp_path / "a.sum", tmp_path / "a.other"]):
        assert (tmp_path / "a.sum").exists()
    assert names(tmp_path) == ["a"]


def test_a_stale_link_is_gone_and_what_it_leads_to_is_not(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "a.sum").symlink_to("mine")
    (tmp_path / "a.other").symlink_to("nothing")
    with replacing((tmp_path / "a",), stale=[tmp_path / "a.sum", tmp_path / "a.other"]):
        pass
    assert names(tmp_path) == ["a", "mine"]


def test_a_folder_with_the_name_of_something_stale_stays(tmp_path: Path) -> None:
    (tmp_path / "a.sum").mkdir()
    with replacing((tmp_path / "a",), stale=[tmp_path / "a.sum"]):
        pass
    assert names(tmp_path) == ["a", "a.sum"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o444, 0o755, 0o666, 0o000])
def test_permissions_are_those_of_the_file_before(tmp_path: Path, permissions: int) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "a").chmod(permissions)
    with replacing((tmp_path / "a",)) as (file,):
        assert mode(Path(os.fsdecode(file.name))) == 0o600
        file.write(b"new")
    assert mode(tmp_path / "a") == permissions


@pytest.mark.parametrize("before", ["nothing", "a link"])
def test_permissions_are_those_of_a_new_file_where_there_was_none(tmp_path: Path, before: str) -> None:
    (tmp_path / "new").touch()
    if before == "a link":
        (tmp_path / "private").touch(0o600)
        (tmp_path / "a").symlink_to("private")
    with replacing((tmp_path / "a",)) as (file,):
        assert mode(Path(os.fsdecode(file.name))) == 0o600
    assert mode(tmp_path / "a") == mode(tmp_path / "new")


def test_files_may_be_in_several_folders(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with replacing((tmp_path / "one" / "a", tmp_path / "two" / "b")):
        pass
    assert (names(tmp_path / "one"), names(tmp_path / "two")) == (["a"], ["b"])


def test_no_older_file_is_beside_a_newer_one_whatever_fails(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"old")

    def fail() -> None:
        with replacing([tmp_path / name for name in "abc"]):
            (tmp_path / "b").unlink()
            (tmp_path / "b").mkdir()

    with pytest.raises(OutputError, match="b: cannot be written"):
        fail()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir() if path.is_file()] == [("a", b"")]


# two sets of the same names: the second one begins when the first one has taken one of its names
INTERLEAVED = """
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from lkboard.disk.replacing import replacing

folder, renames, others = Path(sys.argv[1]), 0, []

def replace(text):
    with replacing((folder / "a", folder / "a.sum")) as files:
        for file in files:
            file.write(text)

def hook(event, _arguments):
    global renames
    if event == "os.rename":
        renames += 1
        if renames == 2:
            others.append(pool.submit(replace, b"second"))
            wait(others, timeout=0.5)

with ThreadPoolExecutor(1) as pool:
    sys.addaudithook(hook)
    replace(b"first")
others[0].result()
"""


def test_sets_of_one_folder_take_their_names_one_after_the_other(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", INTERLEAVED, tmp_path], env=ENVIRONMENT, check=True)
    assert [(tmp_path / name).read_bytes() for name in names(tmp_path)] == [b"second", b"second"]


def test_a_script_that_holds_the_folder_does_not_stop_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkboard.disk.folders._PATIENCE_SECONDS", 0.1)
    with holding(tmp_path), replacing((tmp_path / "a", tmp_path / "b")):
        pass
    assert names(tmp_path) == ["a", "b"]


def test_a_folder_with_two_names_is_held_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with replacing((tmp_path / "real" / "a", tmp_path / "link" / "a.sum")):
        pass
    assert names(tmp_path / "real") == ["a", "a.sum"]


def test_one_file_is_replaced_while_its_folder_is_held(tmp_path: Path) -> None:
    with holding(tmp_path), replacing((tmp_path / "a",)):
        pass
    assert names(tmp_path) == ["a"]


# the interpreter tells its audit hooks of each change of a folder before it is made
KILLED = """
import os, signal, sys
from pathlib import Path
from lkboard.disk.replacing import replacing

folder, left = Path(sys.argv[1]), int(sys.argv[2])

def hook(event, _arguments):
    global left
    if event in {"os.remove", "os.rename"}:
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

sys.addaudithook(hook)
with replacing((folder / "a", folder / "a.sum"), stale=[folder / "a.sum", folder / "a.other"]) as files:
    for file in files:
        file.write(b"new")
"""


def test_what_is_stale_is_never_beside_what_is_new(tmp_path: Path) -> None:
    seen = set()
    for step in range(100):
        remove_leftovers(tmp_path)
        for name in ("a", "a.sum", "a.other"):
            (tmp_path / name).write_bytes(b"old")
        done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(step)], env=ENVIRONMENT, check=False)
        there = {name: (tmp_path / name).read_bytes() for name in ("a", "a.sum", "a.other") if name in names(tmp_path)}
        if done.returncode == 0:
            break
        assert done.returncode == -9
        assert len({*there.values()}) == 1, there
        seen.add((there["a"], len(there)))
    assert there == {"a": b"new", "a.sum": b"new"}
    assert {(b"old", 3), (b"old", 1), (b"new", 1), (b"new", 2)} <= seen


def test_what_a_killed_process_left_is_gone_with_the_next(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, "0"], env=ENVIRONMENT, check=False)
    assert done.returncode == -9
    assert len([name for name in names(tmp_path) if name.endswith(".part")]) == 2
    with replacing((tmp_path / "b",)):
        pass
    assert names(tmp_path) == ["b"]


def test_what_others_write_meanwhile_stays(tmp_path: Path) -> None:
    with replacing((tmp_path / "a",)) as (first,):
        with replacing((tmp_path / "b",)) as (second,):
            second.write(b"second")
        first.write(b"first")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"first", b"second")


def test_room_is_what_the_file_system_has_left(tmp_path: Path) -> None:
    check_room(tmp_path, 4096)
    with pytest.raises(OSError, match="No space left on device"):
        check_room(tmp_path, 1 << 62)
