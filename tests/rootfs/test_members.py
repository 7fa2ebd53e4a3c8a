"""Large entries in an initrd: one gzip member each, made in parts, whatever their size."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.entries import file
from support.images import noise
from support.jobs import RecordingJob
from support.newc import members as newc_members
from support.tools import need

from lkboard.disk import cpio
from lkboard.disk.content import read
from lkboard.errors import BuildError, Cancelled
from lkboard.events import Job, Progress
from lkboard.model.extents import Content, FileSpan, Inline, Zeros
from lkboard.model.rootfs import Entry, Kind, Rootfs, Segment
from lkboard.rootfs import members
from lkboard.rootfs.members import compressed, pieces
from lkboard.rootfs.segments import build_initrd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SMALL = 1 << 16
LARGE = 3 * SMALL + 5


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of some 100 KiB be large ones."""
    monkeypatch.setattr(members, "MEMBER_SIZE", SMALL)
    monkeypatch.setattr(members, "LARGE_SIZE", SMALL)


def pack(entries: Sequence[Entry]) -> bytes:
    """Return what `members` makes of an archive of entries."""
    with ThreadPoolExecutor(2) as pool:
        return b"".join(members.members(compressed(pieces(0, cpio.records(entries)), pool)))


def plain_members(data: bytes) -> list[bytes]:
    """Return the plain bytes of each member of a gzip file."""
    found = []
    while data:
        decompressor = zlib.decompressobj(31)
        found.append(decompressor.decompress(data))
        assert decompressor.eof
        data = decompressor.unused_data
    return found


def test_a_large_file_is_one_member() -> None:
    entries = [file("a", b"1"), file("large", noise(LARGE)), file("z", b"2")]
    found = [[(one.name, one.data) for one in newc_members(plain)] for plain in plain_members(pack(entries))]
    assert found == [[("a", b"1")], [("large", noise(LARGE))], [("z", b"2")]]


@pytest.mark.parametrize("size", [SMALL - 200, SMALL, 2 * SMALL - 112, 2 * SMALL, 4 * SMALL + 1])
def test_a_file_of_any_size_comes_out_as_it_went_in(size: int) -> None:
    (found,) = newc_members(gzip.decompress(pack([file("f", noise(size))])))
    assert hashlib.sha256(found.data).digest() == hashlib.sha256(noise(size)).digest()


def test_a_large_file_of_several_sources_is_cut_across_them() -> None:
    content = Content((Inline(noise(SMALL + 3)), Zeros(2 * SMALL), Inline(noise(7))))
    (found,) = newc_members(gzip.decompress(pack([Entry("f", Kind.FILE, 0o644, content=content)])))
    assert found.data == read(content)


def test_no_piece_is_larger_than_the_largest_small_entry_and_a_member() -> None:
    entries = [file(f"{number}", noise(size)) for number, size in enumerate([LARGE, 9, SMALL - 200, 9, 40 * SMALL, 9])]
    sizes = [piece.content.size for piece in pieces(0, cpio.records(entries))]
    assert max(sizes) <= 2 * SMALL
    assert sum(sizes) == sum(record.size for record in cpio.records(entries))


def test_only_so_much_is_compressed_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "_IN_FLIGHT_SIZE", 4 * SMALL)
    asked = 0

    def counted() -> object:
        nonlocal asked
        for piece in pieces(0, cpio.records([file("f", noise(40 * SMALL))])):
            asked += 1
            yield piece

    with ThreadPoolExecutor(2) as pool:
        next(iter(compressed(counted(), pool)))  # type: ignore[arg-type]
    assert asked <= 5


def test_threads_do_not_change_the_bytes() -> None:
    entries = [file("f", noise(20 * SMALL))]
    with ThreadPoolExecutor(1) as pool:
        alone = b"".join(members.members(compressed(pieces(0, cpio.records(entries)), pool)))
    assert pack(entries) == alone


def test_a_stop_in_the_middle_of_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    done = []

    def listen(event: object) -> None:
        if isinstance(event, Progress):
            done.append(event.done)
            job.cancel()

    job = Job(listen, progress_interval=0.0)
    root = Rootfs((Segment("s", (file("f", noise(40 * SMALL)),)),))
    with pytest.raises(Cancelled):
        build_initrd(root, tmp_path, job)
    assert done == [SMALL]
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_shrank_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(3 * SMALL))
    span = FileSpan(str(tmp_path / "f"), 0, 5 * SMALL, "sha256:known")
    root = Rootfs((Segment("s", (Entry("f", Kind.FILE, 0o644, content=Content((span,))),)),))
    with pytest.raises(BuildError, match="became shorter"):
        build_initrd(root, tmp_path / "cache", RecordingJob())
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("command", ["zcat", "gzip -dc", "bsdcat", "busybox zcat"])
def test_other_programs_read_it_as_one_stream(command: str, tmp_path: Path) -> None:
    need(command.split(maxsplit=1)[0])
    entries = [file("a", b"1"), file("large", noise(LARGE)), file("z", b"2")]
    path = tmp_path / "initrd.gz"
    path.write_bytes(pack(entries))
    plain = subprocess.run([*command.split(), str(path)], capture_output=True, check=True).stdout
    assert plain == b"".join(read(record) for record in cpio.records(entries))
