from __future__ import annotations

import gzip
import os
import stat
import subprocess
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.entries import SECOND, device, file, folder, hard_link, symlink
from support.images import noise
from support.jobs import RecordingJob
from support.newc import members
from support.tools import need
from support.users import another_user

from lkboard.disk.content import digest, read
from lkboard.errors import BuildError, Cancelled, StoreUnusable
from lkboard.events import Job, Progress, Step
from lkboard.model.extents import Content, FileSpan, Inline, Zeros
from lkboard.model.rootfs import Entry, Kind, Rootfs, Segment
from lkboard.oci.store.files import last_used
from lkboard.rootfs import members as members_module
from lkboard.rootfs import segments
from lkboard.rootfs.segments import build_initrd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INIT = (
    folder("bin"),
    file("bin/sh", b"shell" * 100, mode=0o4755),
    hard_link("bin/ash", "bin/sh"),
    symlink("init", "bin/sh"),
    folder("dev"),
    device("dev/null", Kind.CHAR, 1, 3, mode=0o666),
    Entry("dev/pipe", Kind.FIFO, 0o600),
)
WEB = (folder("srv"), file("srv/a", noise(50_000), uid=5, gid=6), hard_link("srv/b", "srv/a"))


def root(*parts: Sequence[Entry]) -> Rootfs:
    return Rootfs(tuple(Segment(f"part {number}", tuple(part)) for number, part in enumerate(parts)))


def initrd(rootfs: Rootfs, cache: Path, job: Job | None = None) -> bytes:
    return read(build_initrd(rootfs, cache, job or RecordingJob()))


def gzip_members(data: bytes) -> list[bytes]:
    """Return the plain bytes of each member of a gzip file."""
    found = []
    while data:
        decompressor = zlib.decompressobj(31)
        found.append(decompressor.decompress(data))
        assert decompressor.eof
        data = decompressor.unused_data
    return found


def kept(cache: Path, suffix: str = ".gz") -> list[Path]:
    return sorted(path for path in cache.iterdir() if path.suffix == suffix)


def test_an_initrd_is_one_archive_in_gzip_members(tmp_path: Path) -> None:
    found = members(gzip.decompress(initrd(root(INIT, WEB), tmp_path)))
    assert [member.name for member in found] == [entry.path for entry in (*INIT, *WEB)]


def test_hard_links_of_different_segments_never_meet(tmp_path: Path) -> None:
    one, two = (file("1/a", b"1"), hard_link("1/b", "1/a")), (file("2/a", b"2"), hard_link("2/b", "2/a"))
    found = members(gzip.decompress(initrd(root(one, two), tmp_path)))
    identities = [(member.device, member.inode) for member in found]
    assert identities[0] == identities[1] != identities[2] == identities[3]
    assert [member.links for member in found] == [2, 2, 2, 2]


def test_only_the_end_has_a_trailer(tmp_path: Path) -> None:
    plain = gzip.decompress(initrd(root(INIT, WEB), tmp_path))
    assert plain.count(b"TRAILER!!!") == 1
    assert plain.rstrip(b"\0").endswith(b"TRAILER!!!")


def test_gzip_members_have_no_extra_fields(tmp_path: Path) -> None:
    data = initrd(root(INIT), tmp_path)
    assert data[:4] == b"\x1f\x8b\x08\x00"


def test_an_empty_root_is_a_trailer(tmp_path: Path) -> None:
    assert members(gzip.decompress(initrd(root(), tmp_path))) == []


@pytest.mark.parametrize("size", [1, 1000, 1 << 16])
def test_members_end_between_entries(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members_module, "MEMBER_SIZE", size)
    many = [file(f"f{number:02}", noise(number * 700, str(number))) for number in range(30)]
    pieces = gzip_members(initrd(root(many), tmp_path))
    assert [member.name for piece in pieces for member in members(piece)] == [entry.path for entry in many]
    assert len(pieces) > 2


def test_members_come_in_order_whoever_is_ready_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members_module, "MEMBER_SIZE", 1)
    monkeypatch.setattr(members_module, "_IN_FLIGHT_SIZE", 3_000_000)
    sizes = [2_000_000, 10, 1_500_000, 10, 10, 5_000_000, 10]
    parts = [[file(f"{number}", noise(size, str(number)))] for number, size in enumerate(sizes)]
    found = members(gzip.decompress(initrd(root(*parts), tmp_path)))
    assert [len(member.data) for member in found] == sizes


# what is kept


def test_a_segment_is_compressed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = initrd(root(INIT, WEB), tmp_path)
    times = {path: path.stat().st_mtime_ns for path in kept(tmp_path)}
    assert len(times) == 2
    assert initrd(root(INIT, WEB), tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in kept(tmp_path)} == times


def test_a_segment_that_is_used_is_not_old(tmp_path: Path) -> None:
    """Garbage collection goes by it."""
    initrd(root([file("a")]), tmp_path)
    paths = [*kept(tmp_path), *kept(tmp_path, ".sha256")]
    for path in paths:
        os.utime(path, (1, 1))
    initrd(root([file("a")]), tmp_path)
    assert len(paths) == 2
    assert all(last_used(path) > 1 for path in paths)


def test_a_change_compresses_only_its_segment(tmp_path: Path) -> None:
    initrd(root(INIT, WEB), tmp_path)
    initrd(root(INIT, (*WEB, file("srv/c"))), tmp_path)
    assert len(kept(tmp_path)) == 3


CHANGES = {
    "path": replace(WEB[1], path="srv/x"),
    "mode": replace(WEB[1], mode=0o600),
    "owner": replace(WEB[1], uid=9),
    "group": replace(WEB[1], gid=9),
    "time": replace(WEB[1], mtime_ns=5 * SECOND),
    "kind": replace(WEB[1], kind=Kind.FIFO),
    "link": symlink("srv/a", "x"),
    "device": device("srv/a", Kind.CHAR, 1, 4),
    "content": replace(WEB[1], content=Content.of(noise(50_000, "other"))),
    "holes": replace(WEB[1], content=Content((Inline(noise(25_000)), Zeros(25_000)))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_field_that_is_written_makes_another_segment(change: Entry, tmp_path: Path) -> None:
    initrd(root([WEB[0], WEB[1]]), tmp_path)
    initrd(root([WEB[0], change]), tmp_path)
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (device("a", Kind.CHAR, 1, 4), device("a", Kind.CHAR, 1, 5)),
        (device("a", Kind.CHAR, 1, 4), device("a", Kind.CHAR, 2, 4)),
        (symlink("a", "x"), symlink("a", "y")),
    ],
)
def test_entries_that_differ_in_one_detail_only_are_different_segments(
    one: Entry, other: Entry, tmp_path: Path
) -> None:
    initrd(root([one]), tmp_path)
    initrd(root([other]), tmp_path)
    assert len(kept(tmp_path)) == 2


def test_another_compressor_makes_its_own_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    initrd(root(WEB), tmp_path)
    monkeypatch.setattr(segments, "compressors", lambda: "another version")
    initrd(root(WEB), tmp_path)
    assert len(kept(tmp_path)) == 2


def test_another_layout_makes_its_own_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    initrd(root(WEB), tmp_path)
    monkeypatch.setattr(segments, "_LAYOUT_VERSION", segments._LAYOUT_VERSION + 1)
    initrd(root(WEB), tmp_path)
    assert len(kept(tmp_path)) == 2


def test_reading_what_is_kept_can_be_stopped(tmp_path: Path) -> None:
    initrd(root(WEB), tmp_path)
    job = Job(lambda event: job.cancel() if isinstance(event, Step) else None)
    with pytest.raises(Cancelled):
        initrd(root(WEB), tmp_path, job)


def test_where_the_same_bytes_are_kept_does_not_matter(tmp_path: Path) -> None:
    results = []
    for name in ("here", "there"):
        path = tmp_path / name
        path.write_bytes(b"front" + noise(5000))
        span = FileSpan(str(path), 5, 5000, digest(Content.of(path.read_bytes())))
        results.append(initrd(root([Entry("a", Kind.FILE, 0o644, content=Content((span,)))]), tmp_path / "cache"))
    assert results[0] == results[1]
    assert len(kept(tmp_path / "cache")) == 1


def test_a_file_that_nobody_has_hashed_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    entry = Entry("a", Kind.FILE, 0o644, content=Content((FileSpan(str(path), 0, 4),)))
    for data in (b"old!", b"new!"):
        path.write_bytes(data)
        (member,) = members(gzip.decompress(initrd(root([entry]), tmp_path / "cache")))
        assert member.data == data


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "no sum", "wrong sum"])
def test_a_damaged_segment_is_made_again(damage: str, tmp_path: Path) -> None:
    whole = initrd(root(WEB), tmp_path)
    (path,), (sums,) = kept(tmp_path), kept(tmp_path, ".sha256")
    data = path.read_bytes()
    match damage:
        case "flipped":
            path.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
        case "cut":
            path.write_bytes(data[:-1])
        case "emptied":
            path.write_bytes(b"")
        case "no sum":
            sums.unlink()
        case _:
            sums.write_text("sha256:" + "0" * 64)
    assert initrd(root(WEB), tmp_path) == whole
    assert path.read_bytes() == data


def test_the_digest_of_a_segment_is_that_of_its_file(tmp_path: Path) -> None:
    for _ in range(2):
        (span, _trailer) = build_initrd(root(WEB), tmp_path, RecordingJob()).parts
        assert isinstance(span, FileSpan)
        assert span.digest == digest(Content((replace(span, digest=""),)))


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody can enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name, "cache")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else for a while")
class TestOfAnotherUser:
    def test_what_is_kept_is_taken(self, public: Path) -> None:
        first = initrd(root(INIT, WEB), public)
        with another_user():
            assert initrd(root(INIT, WEB), public) == first

    @pytest.mark.parametrize("suffix", [".gz", ".sha256"])
    def test_what_may_not_be_read_is_made_again(self, suffix: str, public: Path) -> None:
        first = initrd(root(WEB), public)
        (path,) = kept(public, suffix)
        path.chmod(0o600)
        public.chmod(0o777)
        with another_user():
            assert initrd(root(WEB), public) == first
            assert path.read_bytes()


def test_kept_files_are_for_everybody_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        initrd(root(WEB), tmp_path)
    finally:
        os.umask(before)
    files = [*kept(tmp_path), *kept(tmp_path, ".sha256")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o644, 0o644]


def test_two_folders_give_the_same_bytes(tmp_path: Path) -> None:
    assert initrd(root(INIT, WEB), tmp_path / "1") == initrd(root(INIT, WEB), tmp_path / "2")


# what goes wrong


def test_cancelling_leaves_nothing_half_made(tmp_path: Path) -> None:
    job = Job(lambda event: job.cancel() if isinstance(event, Progress) else None, progress_interval=0.0)
    with pytest.raises(Cancelled):
        initrd(root(INIT, WEB), tmp_path, job)
    assert [path for path in tmp_path.iterdir() if path.suffix not in {".gz", ".sha256"}] == []
    assert len(members(gzip.decompress(initrd(root(INIT, WEB), tmp_path)))) == len(INIT) + len(WEB)


def test_a_source_that_shrank_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"short")
    span = FileSpan(str(path), 0, 5000, "sha256:known")
    with pytest.raises(BuildError, match="became shorter"):
        initrd(root([Entry("a", Kind.FILE, 0o644, content=Content((span,)))]), tmp_path / "cache")
    assert kept(tmp_path / "cache") == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnusable, match="--cache DIR"):
        initrd(root(INIT), tmp_path / "file" / "cache")


def test_progress_counts_plain_bytes(tmp_path: Path) -> None:
    job = RecordingJob()
    initrd(root(INIT, WEB), tmp_path, job)
    assert job.last_progress is not None
    assert job.last_progress.step == "Compress initrd"
    assert job.last_progress.done == job.last_progress.total
    warm = RecordingJob()
    initrd(root(INIT, WEB), tmp_path, warm)
    assert warm.last_progress is None


# other programs as judges


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "initrd"
    path.write_bytes(initrd(root(INIT, WEB, [file("last", b"x")]), tmp_path / "cache"))
    return path


def test_cpio_lists_all_segments(packed: Path) -> None:
    need("cpio", "zcat")
    listing = subprocess.run(
        ["sh", "-c", 'zcat "$0" | cpio -t --quiet', packed], capture_output=True, check=True, text=True
    )
    assert listing.stderr == ""
    assert listing.stdout.splitlines() == [entry.path for entry in (*INIT, *WEB)] + ["last"]


def test_bsdtar_lists_all_segments(packed: Path) -> None:
    need("bsdtar")
    listing = subprocess.run(["bsdtar", "-tf", packed], capture_output=True, check=True, text=True)
    assert listing.stdout.splitlines() == [entry.path for entry in (*INIT, *WEB)] + ["last"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make devices and give files away")
@pytest.mark.parametrize("command", ["cpio -idm --quiet", "bsdcpio -idm --quiet"])
def test_other_programs_unpack_what_was_packed(command: str, packed: Path, tmp_path: Path) -> None:
    need(command.split(maxsplit=1)[0], "zcat")
    tree = tmp_path / "tree"
    tree.mkdir()
    subprocess.run(["sh", "-c", f'zcat "$0" | {command}', packed], cwd=tree, check=True)
    shell, alias = (tree / "bin/sh").stat(), (tree / "bin/ash").stat()
    assert (shell.st_ino, stat.S_IMODE(shell.st_mode), shell.st_nlink) == (alias.st_ino, 0o4755, 2)
    page, copy = (tree / "srv/a").stat(), (tree / "srv/b").stat()
    assert (page.st_ino, page.st_uid, page.st_gid) == (copy.st_ino, 5, 6)
    assert (tree / "srv/b").read_bytes() == noise(50_000)
    assert (tree / "init").readlink() == Path("bin/sh")
    null = (tree / "dev/null").stat()
    assert (stat.S_ISCHR(null.st_mode), os.major(null.st_rdev), os.minor(null.st_rdev)) == (True, 1, 3)
    assert (tree / "last").read_bytes() == b"x"
