"""Files with sidecars and compressed ones: together or not at all, and true."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.maps import MIB, NOISE, Recipe, recipes
from support.plans import map_bytes
from support.processes import ENVIRONMENT
from support.small_disk import small_disk
from support.tools import need

from lkboard.disk.output import work, write_file, write_stream
from lkboard.errors import Cancelled, OutputError
from lkboard.model.artifact import COMPRESSIONS, SIDECARS, Compression, Sidecar
from lkboard.model.extents import Extent, ExtentMap, Inline

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = {"zst": "zstd", "xz": "xz", "gz": "gzip"}
EXTENTS = ExtentMap((Extent(0, Inline(NOISE[:5000])), Extent(3 * MIB, Inline(NOISE[:MIB]))), 5 * MIB)
OLD = {"x": b"old", "x.sha256": b"old sum", "x.bmap": b"old map"}


def ignore(_done: int) -> None:
    """Want no progress."""


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def sha256sum(folder: Path, name: str) -> None:
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", name], cwd=folder, check=True)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with an older file and its sidecars."""
    for name, data in OLD.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def file_size_limit() -> Iterator[None]:
    """Let no file of this process grow beyond 64 KiB, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@settings(max_examples=12, deadline=None)
@given(recipes(min_pieces=1), st.sampled_from([None, "gz", "zst"]))
def test_the_sidecars_of_any_map_are_true(recipe: Recipe, compression: Compression | None) -> None:
    need("bmaptool")
    name = f"x.{compression}" if compression else "x"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        written = write_file(
            recipe.make(Path(folder)), path, compression=compression, sidecars=SIDECARS, on_bytes=ignore
        )
        assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert written.size == path.stat().st_size
        sha256sum(path.parent, f"{name}.sha256")
        subprocess.run(["bmaptool", "-q", "copy", path, f"{folder}/copy"], check=True, capture_output=True)
        assert Path(folder, "copy").read_bytes() == recipe.bytes()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_compressed_file_unpacks_to_its_map(tmp_path: Path, compression: Compression) -> None:
    need(PROGRAMS[compression])
    written = write_file(EXTENTS, tmp_path / "x", compression=compression, on_bytes=ignore)
    with (tmp_path / "x").open("rb") as packed:
        done = subprocess.run([PROGRAMS[compression], "-dc"], stdin=packed, capture_output=True, check=True)
    assert done.stdout == map_bytes(EXTENTS)
    assert (written.size, written.sha256) == ((tmp_path / "x").stat().st_size, "")


@pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
def test_two_runs_make_the_same_bytes(tmp_path: Path, compression: Compression | None) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_file(EXTENTS, tmp_path / name / "x", compression=compression, sidecars=SIDECARS, on_bytes=ignore)
        made.append(content_of(tmp_path / name))
    assert made[0] == made[1]


def test_a_file_that_only_its_owner_may_read_stays_so(tmp_path: Path) -> None:
    (tmp_path / "x").touch(0o600)
    (tmp_path / "y").touch()
    write_file(EXTENTS, tmp_path / "x", sidecars=SIDECARS, on_bytes=ignore)
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["x"] & 0o777 == 0o600
    assert modes["x.sha256"] == modes["x.bmap"] == modes["y"]


def test_without_sidecars_there_are_none(tmp_path: Path) -> None:
    assert write_file(EXTENTS, tmp_path / "x", on_bytes=ignore).sha256 == ""
    assert [*content_of(tmp_path)] == ["x"]


def test_older_sidecars_are_replaced(old: Path) -> None:
    write_file(EXTENTS, old / "x", sidecars=SIDECARS, on_bytes=ignore)
    sha256sum(old, "x.sha256")
    assert sorted(content_of(old)) == sorted(OLD)
    assert not {*content_of(old).values()} & {*OLD.values()}


def test_older_sidecars_do_not_stay_beside_a_file_without(old: Path) -> None:
    write_file(EXTENTS, old / "x", on_bytes=ignore)
    assert [*content_of(old)] == ["x"]


def test_sidecars_are_beside_a_link_and_those_of_its_goal_are_gone(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real").write_bytes(b"old")
    (tmp_path / "there" / "real.sha256").write_bytes(b"old sum")
    (tmp_path / "link").symlink_to("there/real")
    write_file(EXTENTS, tmp_path / "link", sidecars=SIDECARS, on_bytes=ignore)
    sha256sum(tmp_path, "link.sha256")
    assert {path.name for path in tmp_path.iterdir()} == {"there", "link", "link.sha256", "link.bmap"}
    assert content_of(tmp_path / "there") == {"real": map_bytes(EXTENTS)}


@pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
@pytest.mark.parametrize("sidecars", [(), SIDECARS])
def test_progress_counts_all_work(
    tmp_path: Path, compression: Compression | None, sidecars: tuple[Sidecar, ...]
) -> None:
    seen: list[int] = []
    write_file(EXTENTS, tmp_path / "x", compression=compression, sidecars=sidecars, on_bytes=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == work(EXTENTS, compression, sidecars)


def test_a_file_with_sidecars_is_written_and_read_again() -> None:
    assert work(EXTENTS, None, ()) == EXTENTS.mapped_bytes
    assert work(EXTENTS, None, ("sha256",)) == EXTENTS.mapped_bytes + EXTENTS.size
    assert work(EXTENTS, "xz", ("sha256",)) == EXTENTS.size


def cancel(_done: int) -> None:
    raise Cancelled


@pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
def test_a_cancelled_write_keeps_the_older_files(old: Path, compression: Compression | None) -> None:
    with pytest.raises(Cancelled):
        write_file(EXTENTS, old / "x", compression=compression, sidecars=SIDECARS, on_bytes=cancel)
    assert content_of(old) == OLD


def test_cancelled_hashing_keeps_the_older_files(old: Path) -> None:
    def cancel_late(done: int) -> None:
        if done > EXTENTS.mapped_bytes:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_file(EXTENTS, old / "x", sidecars=SIDECARS, on_bytes=cancel_late)
    assert content_of(old) == OLD


@pytest.mark.usefixtures("file_size_limit")
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_full_disk_keeps_the_older_files(old: Path, compression: Compression) -> None:
    with pytest.raises(OutputError, match="there is no room for 2 MiB"):
        write_file(EXTENTS, old / "x", compression=compression, sidecars=SIDECARS, on_bytes=ignore)
    assert content_of(old) == OLD


@pytest.mark.device
def test_a_disk_without_room_is_known_before_anything_is_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 1) as folder:
        with pytest.raises(OutputError, match=r"there is no room for 2 MiB \(free some space"):
            write_file(EXTENTS, folder / "x", on_bytes=cancel)
        assert content_of(folder) == {}


@pytest.mark.parametrize("kind", SIDECARS)
def test_a_folder_in_the_place_of_a_sidecar_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"x.{kind}").mkdir()
    with pytest.raises(OutputError, match=f"x.{kind}: is there and is not an ordinary file"):
        write_file(EXTENTS, tmp_path / "x", sidecars=SIDECARS, on_bytes=ignore)
    assert [path.name for path in tmp_path.iterdir()] == [f"x.{kind}"]


# the interpreter tells its audit hooks of each change of a folder before it is made
KILLED = """
import os, signal, sys
from pathlib import Path
from lkboard.disk.output import write_file
from lkboard.model.extents import Extent, ExtentMap, Inline

left = int(sys.argv[2])

def hook(event, _arguments):
    global left
    if event in {"os.remove", "os.rename"}:
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

sys.addaudithook(hook)
extents = ExtentMap((Extent(0, Inline(b"new")),), 8192)
write_file(extents, Path(sys.argv[1]), sidecars=("sha256", "bmap"), on_bytes=lambda _done: None)
"""


def test_a_sidecar_never_stands_beside_another_file_than_its_own(tmp_path: Path) -> None:
    need("bmaptool")
    old = ExtentMap((Extent(0, Inline(b"old")),), 8192)
    seen = set()
    for step in range(100):
        write_file(old, tmp_path / "x", sidecars=SIDECARS, on_bytes=ignore)
        done = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "x", str(step)], env=ENVIRONMENT, check=False)
        has_sum, has_map = (tmp_path / "x.sha256").exists(), (tmp_path / "x.bmap").exists()
        if has_sum:
            sha256sum(tmp_path, "x.sha256")
        if has_map:
            subprocess.run(["bmaptool", "-q", "copy", tmp_path / "x", os.devnull], check=True, capture_output=True)
        state = ((tmp_path / "x").read_bytes()[:3], has_sum, has_map)
        if done.returncode == 0:
            break
        assert done.returncode == -9
        seen.add(state)
    assert state == (b"new", True, True)
    both, none = (True, True), (False, False)
    assert {(b"old", *both), (b"old", *none), (b"new", *none), (b"new", True, False), (b"new", *both)} <= seen


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_stream_is_the_file(tmp_path: Path, compression: Compression) -> None:
    stream, seen = io.BytesIO(), [0]
    write_stream(EXTENTS, stream, compression=compression, on_bytes=seen.append)
    write_file(EXTENTS, tmp_path / "x", compression=compression, on_bytes=ignore)
    assert stream.getvalue() == (tmp_path / "x").read_bytes()
    assert seen[-1] == EXTENTS.size
