"""erofs volumes, as erofs-utils and a reader of our own read them."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.entries import SECOND, device, file, folder, hard_link, symlink, trees
from support.erofs import BLOCK, Volume, check, dumped, unpack
from support.loops import need_root
from support.plans import map_bytes, save

from lkboard.disk import erofs
from lkboard.disk.content import read
from lkboard.errors import BuildError, Cancelled
from lkboard.model.extents import Content, FileSpan, Inline, Zeros
from lkboard.model.rootfs import EPOCH, Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lkboard.model.extents import ExtentMap

NEW = 1_700_000_000
SET_ID = 0o6000
"""What fsck.erofs loses, as it changes owners after modes."""

SYSTEM = (
    folder("dev", mtime_ns=0),
    device("dev/null", Kind.CHAR, 1, 3, mode=0o666),
    device("dev/far", Kind.BLOCK, 4095, 1048575),
    folder("etc", mode=0o1750, uid=3, gid=4),
    file("etc/name", b"text", mode=0o4755, uid=5, gid=70_000, mtime_ns=NEW * SECOND + 123_456_789),
    file("etc/big", bytes(range(256)) * 100, mtime_ns=(1 << 33) * SECOND),
    file("empty", mtime_ns=-SECOND),
    hard_link("etc/other", "etc/name"),
    symlink("link", "etc/name", uid=9),
    Entry("pipe", Kind.FIFO, 0o600),
)


def plan(*entries: Entry, epoch: int = EPOCH) -> ExtentMap:
    return erofs.plan(entries, epoch=epoch)


def image(tmp_path: Path, *entries: Entry) -> Path:
    """Write a volume that fsck.erofs has nothing to say about."""
    path = save(plan(*entries), tmp_path / "image")
    check(path)
    return path


def opened(*entries: Entry, epoch: int = EPOCH) -> Volume:
    return Volume(map_bytes(plan(*entries, epoch=epoch)))


def told(entries: Sequence[Entry]) -> Mapping[str, object]:
    """Return what entries say of the files they describe, by path."""
    by_path = {entry.path: entry for entry in entries}
    return {entry.path: fields(by_path[entry.link] if entry.kind is Kind.HARDLINK else entry) for entry in entries}


def fields(entry: Entry) -> object:
    data = os.fsencode(entry.link) if entry.kind is Kind.SYMLINK else read(entry.content)
    types = {
        Kind.FILE: stat.S_IFREG,
        Kind.DIRECTORY: stat.S_IFDIR,
        Kind.SYMLINK: stat.S_IFLNK,
        Kind.CHAR: stat.S_IFCHR,
        Kind.BLOCK: stat.S_IFBLK,
        Kind.FIFO: stat.S_IFIFO,
    }
    mode = types[entry.kind] | entry.mode
    return mode, entry.uid, entry.gid, entry.mtime_ns, b"" if entry.kind is Kind.DIRECTORY else data, entry.device


def found(volume: Volume) -> Mapping[str, object]:
    """Return the same of what is on a volume, without its root."""
    return {
        path: (
            *(inode.mode, inode.uid, inode.gid, inode.mtime_ns),
            *(b"" if stat.S_ISDIR(inode.mode) else inode.data, device_of(inode.device)),
        )
        for path, inode in volume.files.items()
        if path
    }


def device_of(packed: int) -> tuple[int, int]:
    """Return major and minor number (new_decode_dev in include/linux/kdev_t.h)."""
    return packed >> 8 & 0xFFF, packed & 0xFF | packed >> 12 & 0xFFF00


def test_everything_is_kept() -> None:
    assert found(opened(*SYSTEM)) == told(SYSTEM)


def test_it_is_unpacked_as_it_was(tmp_path: Path) -> None:
    need_root()
    out = unpack(image(tmp_path, *SYSTEM), tmp_path / "out")
    assert {str(path.relative_to(out)) for path in out.rglob("*")} == {entry.path for entry in SYSTEM}
    for path, expected in told([replace(entry, mode=entry.mode & ~SET_ID) for entry in SYSTEM]).items():
        assert unpacked(out / path) == expected, path


def unpacked(path: Path) -> object:
    status = path.lstat()
    data = b""
    if path.is_symlink():
        data = os.fsencode(path.readlink())
    elif path.is_file():
        data = path.read_bytes()
    mode = status.st_mode
    number = os.major(status.st_rdev), os.minor(status.st_rdev)
    return mode, status.st_uid, status.st_gid, status.st_mtime_ns, data, number


def test_another_program_tells_the_same(tmp_path: Path) -> None:
    said = dumped(image(tmp_path, *SYSTEM), "--path=/etc/name")
    for text in ("Links: 2", "Uid: 5   Gid: 70000  Access: 0755", "Timestamp: 2023-11-14 22:13:20.123456789"):
        assert text in said


@pytest.mark.parametrize("target", ["name", "../up", "/", "x" * 255, "a/" * 2000, "b" * 4032, "b" * 4033, "c" * 4095])
def test_a_symbolic_link_leads_where_it_did(tmp_path: Path, target: str) -> None:
    made = image(tmp_path, symlink("link", target))
    assert Volume(made.read_bytes()).files["link"].data == target.encode()


@pytest.mark.parametrize("name", ["a" * 255, "große Datei", "two\nlines", ".hidden", "!", "...", "bad\udcff", "\x01"])
def test_any_name_comes_back(tmp_path: Path, name: str) -> None:
    made = image(tmp_path, file(name, b"data"))
    assert (unpack(made, tmp_path / "out") / name).read_bytes() == b"data"
    assert Volume(made.read_bytes()).files[name].data == b"data"


def test_folders_may_be_nested_deeply(tmp_path: Path) -> None:
    path = "/".join("f" * 100)
    assert (unpack(image(tmp_path, file(path, b"deep")), tmp_path / "out") / path).read_bytes() == b"deep"


@pytest.mark.parametrize("count", [0, 1, 200, 3000])
def test_a_folder_may_have_any_number_of_files(tmp_path: Path, count: int) -> None:
    files = {f"many/a name that goes on and on {number * 7919 % count:04}": b"%d" % number for number in range(count)}
    made = image(tmp_path, folder("many"), *(file(name, data) for name, data in files.items()))
    assert {path: inode.data for path, inode in Volume(made.read_bytes()).files.items() if "/" in path} == files


@pytest.mark.parametrize("length", range(242, 256))
def test_a_block_of_a_folder_may_be_full_to_its_last_byte(tmp_path: Path, length: int) -> None:
    names = [f"{number:0{length}}" for number in range(40)]
    made = Volume(image(tmp_path, *(file(name) for name in names)).read_bytes())
    assert sorted(made.files) == ["", *names]


def test_hard_links_are_one_inode_that_counts_them(tmp_path: Path) -> None:
    entries = file("a", b"x" * 5000, mode=0o640), hard_link("b", "a"), folder("c"), hard_link("c/d", "a")
    made = image(tmp_path, *entries)
    inodes = [Volume(made.read_bytes()).files[name] for name in ("a", "b", "c/d")]
    assert [(inode.number, inode.links) for inode in inodes] == [(inodes[0].number, 3)] * 3
    assert made.stat().st_size < plan(file("a", b"x" * 5000), file("b", b"x" * 5000), folder("c")).size


def test_a_folder_counts_those_in_it() -> None:
    files = opened(folder("a"), folder("a/b"), folder("a/c"), file("a/d")).files
    assert [(path, files[path].links) for path in ("", "a", "a/b", "a/d")] == [
        ("", 3),
        ("a", 4),
        ("a/b", 2),
        ("a/d", 1),
    ]


def test_the_root_directory_is_described() -> None:
    root = opened(folder(".", mode=0o700, uid=7, mtime_ns=NEW * SECOND)).files[""]
    assert (root.mode, root.uid, root.mtime_ns) == (0o40700, 7, NEW * SECOND)


def test_the_root_has_a_number_that_the_superblock_can_hold() -> None:
    files = (file(f"{number}", b"x" * 3000, pax=(("SCHILY.xattr.user.a", b"y" * 60_000),)) for number in range(200))
    volume = opened(*files, folder(".", mode=0o711))
    assert 0 < volume.root < 1 << 16
    assert volume.files[""].mode == 0o40711


def test_what_is_made_up_is_as_old_as_the_epoch() -> None:
    volume = opened(file("made/up", b"x", mtime_ns=0), epoch=NEW)
    assert volume.epoch == NEW
    assert [volume.files[path].mtime_ns for path in ("", "made", "made/up")] == [NEW * SECOND, NEW * SECOND, 0]


def test_times_that_64_bits_do_not_hold_are_cut(tmp_path: Path) -> None:
    files = opened(file("late", mtime_ns=1 << 100), file("early", mtime_ns=-(1 << 100))).files
    seconds = [files[path].mtime_ns // SECOND for path in ("late", "early")]
    assert seconds == [(1 << 63) - 1, -(1 << 63)]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/St_Johns"])
def test_the_zone_does_not_change_it(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    before = plan(*SYSTEM)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert plan(*SYSTEM) == before
    finally:
        monkeypatch.undo()
        time.tzset()


class TestIdentity:
    def test_it_stands_for_what_is_on_the_volume(self) -> None:
        one = file("a", b"one")
        others = [opened(other).identity for other in (file("a", b"two"), file("b", b"one"), replace(one, mode=0o600))]
        assert len({opened(one).identity, *others}) == 4
        assert opened(one).identity == opened(one).identity

    def test_it_does_not_depend_on_where_the_content_is(self, tmp_path: Path) -> None:
        made = []
        for offset in (0, 77):
            source = tmp_path / f"{offset}"
            source.write_bytes(b"-" * offset + b"x" * 5000)
            span = Content((FileSpan(str(source), offset, 5000),))
            made.append(map_bytes(plan(Entry("a", Kind.FILE, 0o644, content=span))))
        assert made[0] == made[1]

    def test_reading_for_it_can_be_stopped(self) -> None:
        def stop() -> None:
            raise Cancelled

        with pytest.raises(Cancelled):
            erofs.plan([file("a", b"x")], epoch=EPOCH, on_chunk=stop)


class TestContents:
    @pytest.mark.parametrize("size", [0, 1, 4031, 4032, 4033, 4095, 4096, 4097, 8128, 8129, 8191, 8192, 8193])
    def test_one_of_any_size_comes_back(self, tmp_path: Path, size: int) -> None:
        made = image(tmp_path, file("a", os.urandom(size)), file("b", b"y" * size))
        assert Volume(made.read_bytes()).files["b"].data == b"y" * size

    def test_small_ones_share_blocks_with_their_inodes(self) -> None:
        assert plan(*(file(f"{number}", b"x" * 30) for number in range(30))).size == 2 * BLOCK

    def test_the_end_of_a_large_one_needs_no_block(self) -> None:
        assert plan(file("a", b"x" * (BLOCK + 30))).size == plan(file("a", b"x" * BLOCK)).size == 3 * BLOCK

    def test_they_are_not_held_in_memory(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"x" * 100_000)
        span = FileSpan(str(source), 0, 100_000)
        extents = plan(Entry("a", Kind.FILE, 0o644, content=Content((span,)))).extents
        sources = [extent.source for extent in extents]
        assert sum(source.size for source in sources if isinstance(source, FileSpan)) == 100_000
        assert sum(source.size for source in sources if isinstance(source, Inline)) < BLOCK

    def test_holes_stay_holes_of_the_image(self, tmp_path: Path) -> None:
        content = Content((Inline(b"begin"), Zeros(5 << 30), Inline(b"end")))
        made = save(plan(Entry("huge", Kind.FILE, 0o644, content=content)), tmp_path / "image")
        check(made, reads_contents=False)  # fsck.erofs 1.5 breaks off at runs of more than 4 GiB
        assert made.stat().st_blocks * 512 < 1 << 20
        assert f"Size: {content.size} " in dumped(made, "--path=/huge")


class TestWhatDoesNotFit:
    def test_a_name_of_256_bytes(self) -> None:
        with pytest.raises(BuildError, match="has a name of 256 bytes; what Linux reads has at most 255"):
            plan(file("dir/" + "é" * 128))

    def test_16_tib(self) -> None:
        huge = Entry("huge", Kind.FILE, 0o644, content=Content((Zeros(1 << 44),)))
        with pytest.raises(BuildError, match="an erofs has room for 16 TiB, 16384 GiB are needed"):
            plan(huge)

    def test_two_files_of_one_name(self) -> None:
        with pytest.raises(BuildError, match=r"'a/b' is there twice \(rename or remove one of them\)"):
            plan(file("a/b"), file("a/b"))


@settings(deadline=None)
@given(trees())
def test_any_tree_comes_back(tmp_path_factory: pytest.TempPathFactory, entries: tuple[Entry, ...]) -> None:
    path = save(plan(*entries), tmp_path_factory.getbasetemp() / "any-tree")
    check(path)
    assert found(Volume(path.read_bytes())) == told(entries)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * BLOCK), st.sampled_from([0, 0, 0, 1, 60, 3000, 5000, 60_000]))))
def test_contents_and_attributes_of_any_size_lie_beside_each_other(sizes: list[tuple[int, int]]) -> None:
    pax = [(("SCHILY.xattr.user.a", b"y" * length),) if length else () for _size, length in sizes]
    entries = [file(f"{number}", b"x" * size, pax=pax[number]) for number, (size, _length) in enumerate(sizes)]
    files = opened(*entries).files
    for number, (size, length) in enumerate(sizes):
        assert files[f"{number}"].data == b"x" * size
        assert files[f"{number}"].attributes == ({"user.a": b"y" * length} if length else {})
