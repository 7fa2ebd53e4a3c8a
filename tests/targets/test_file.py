"""A regular file as a target: whole under its name, or not there."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from support.loops import run
from support.maps import MIB, NOISE
from support.places import TEMPORARY
from support.small_disk import small_disk
from support.writes import cancel, job_that_acts, job_that_acts_at

from lkboard.errors import BuildError, Cancelled, OutputError, VerifyFailed
from lkboard.events import Job
from lkboard.model.extents import Extent, ExtentMap, FileSpan, Inline, Zeros
from lkboard.targets.engine import write_image
from lkboard.targets.file import FileTarget

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = ExtentMap((Extent(0, Inline(NOISE)), Extent(4 * MIB, Inline(NOISE)), Extent(8 * MIB, Zeros(MIB))), 10 * MIB)
WHOLE = NOISE + bytes(2 * MIB) + NOISE + bytes(4 * MIB)


def _assert_nothing_left(folder: Path, *expected: str) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(expected)


def test_another_process_spoils_the_file(tmp_path: Path) -> None:
    def spoil() -> None:
        run("sh", "-c", f"printf X | dd of=$(echo {tmp_path}/{TEMPORARY}) bs=1 seek={5 * MIB} conv=notrunc status=none")

    with pytest.raises(VerifyFailed, match=f"between bytes {5 * MIB} and {6 * MIB}"):
        write_image(FileTarget(tmp_path / "out"), IMAGE, job_that_acts("Flush", "done", spoil))
    _assert_nothing_left(tmp_path)


def test_the_file_is_sparse(tmp_path: Path) -> None:
    write_image(FileTarget(tmp_path / "out"), ExtentMap((Extent(0, Zeros(64 * MIB)),), 64 * MIB), Job())
    status = (tmp_path / "out").stat()
    assert (status.st_size, status.st_blocks) == (64 * MIB, 0)


def test_an_existing_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    job = job_that_acts("Commit", "started", lambda: seen.append((tmp_path / "out").read_bytes()))
    seen: list[bytes] = []
    write_image(FileTarget(tmp_path / "out"), IMAGE, job)
    assert seen == [b"old"]
    assert (tmp_path / "out").read_bytes() == WHOLE


def test_sidecars_of_the_file_that_is_replaced_are_gone(tmp_path: Path) -> None:
    for name in ("out", "out.sha256", "out.bmap", "other.sha256"):
        (tmp_path / name).write_bytes(b"old")
    write_image(FileTarget(tmp_path / "out"), IMAGE, Job())
    _assert_nothing_left(tmp_path, "out", "other.sha256")


def test_an_existing_file_survives_a_failure(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(Cancelled):
        write_image(FileTarget(tmp_path / "out"), IMAGE, job_that_acts_at(3, cancel))
    assert (tmp_path / "out").read_bytes() == b"old"


def test_a_symlink_stays_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_image(FileTarget(tmp_path / "link"), IMAGE, Job())
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == WHOLE


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no such folder") as caught:
        write_image(FileTarget(tmp_path / "not there" / "out"), IMAGE, Job())
    assert caught.value.hint == f"mkdir -p '{tmp_path / 'not there'}'"


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    """Each makes a whole file, and the last one counts."""
    first = FileTarget(tmp_path / "out")
    first.prepare(MIB)
    write_image(FileTarget(tmp_path / "out"), IMAGE, Job())
    assert (tmp_path / "out").read_bytes() == WHOLE
    first.write(0, memoryview(b"first"))
    first.flush()
    first.commit()
    first.close()
    assert (tmp_path / "out").read_bytes() == b"first" + bytes(MIB - 5)
    _assert_nothing_left(tmp_path, "out")


def test_what_is_closed_without_a_commit_is_gone(tmp_path: Path) -> None:
    target = FileTarget(tmp_path / "out")
    target.prepare(MIB)
    target.close()
    _assert_nothing_left(tmp_path)


def test_permissions_are_kept(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    (tmp_path / "out").chmod(0o640)
    write_image(FileTarget(tmp_path / "out"), IMAGE, Job())
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_a_source_that_shrinks_is_an_error_and_no_crash(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(NOISE * 3)
    image = ExtentMap((Extent(0, FileSpan(str(source), 0, 6 * MIB)),), 6 * MIB)
    job = job_that_acts("Write", "started", lambda: os.truncate(source, 2 * MIB))
    with pytest.raises(BuildError, match="became shorter"):
        write_image(FileTarget(tmp_path / "out"), image, job)
    _assert_nothing_left(tmp_path, "source")


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    image = ExtentMap((Extent(0, FileSpan(str(tmp_path / "gone"), 0, MIB)),), MIB)
    with pytest.raises(BuildError, match=r"cannot read .*gone"):
        write_image(FileTarget(tmp_path / "out"), image, Job())
    _assert_nothing_left(tmp_path)


def test_a_cancel_from_another_thread(tmp_path: Path) -> None:
    job = job_that_acts("Write", "started", lambda: (thread.start(), thread.join()))
    thread = threading.Thread(target=job.cancel)
    with pytest.raises(Cancelled):
        write_image(FileTarget(tmp_path / "out"), IMAGE, job)
    _assert_nothing_left(tmp_path)


@pytest.mark.device
def test_disk_full(tmp_path: Path) -> None:
    with small_disk(tmp_path, 2):
        with pytest.raises(OutputError, match=r"No space left on device \(free some space"):
            write_image(FileTarget(tmp_path / "out"), IMAGE, Job())
        _assert_nothing_left(tmp_path)
