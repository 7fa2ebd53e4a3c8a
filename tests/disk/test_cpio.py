from __future__ import annotations

import hashlib
import stat
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import ORIGIN, SECOND, device, file, folder, hard_link, symlink, trees
from support.mtree import mtree
from support.newc import Member, members
from support.plans import map_bytes
from support.tools import need

from lkboard.disk import cpio
from lkboard.disk.content import read
from lkboard.errors import BuildError
from lkboard.model.extents import Content, FileSpan, Zeros
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SAMPLE = (
    folder("etc"),
    file("etc/motd", b"hello\n", mode=0o640, uid=5, gid=6, mtime_ns=1500000000 * SECOND + 7),
    symlink("bin", "usr/bin"),
    device("console", Kind.CHAR, 5, 1),
    device("disk", Kind.BLOCK, 8, 17),
    Entry("pipe", Kind.FIFO, 0o600),
)
LINKED = (file("a", b"data", mode=0o4755, uid=3), hard_link("b", "a"), folder("d"), hard_link("d/c", "b"))


def archive(entries: Sequence[Entry], **options: object) -> bytes:
    return map_bytes(cpio.plan(entries, **options))  # type: ignore[arg-type]


def by_name(entries: Sequence[Entry]) -> dict[str, Member]:
    return {member.name: member for member in members(archive(entries))}


def test_an_archive_is_made_byte_for_byte_as_specified() -> None:
    assert archive([file("etc/motd", b"hello\n", mode=0o640, uid=5, gid=6)]) == (
        b"070701"
        b"000002d1"  # inode 721
        b"000081a0"  # regular file, 0640
        b"00000005"
        b"00000006"
        b"00000001"  # links
        b"58f63f08"  # the epoch
        b"00000006"  # size
        b"00000003"
        b"00000001"  # device 3, 1
        b"00000000"
        b"00000000"
        b"00000009"  # name and NUL
        b"00000000"
        b"etc/motd\0"
        b"\0"  # 110 + 9 bytes, filled up to a multiple of 4
        b"hello\n\0\0"
    )


def test_the_trailer_closes_an_archive() -> None:
    trailer = cpio.trailer()
    assert len(trailer) == 512
    assert members(trailer) == []
    assert trailer.startswith(b"070701" + b"00000000" * 4 + b"00000001")
    assert trailer[110:121] == b"TRAILER!!!\0"


def test_entries_keep_their_order() -> None:
    assert [member.name for member in members(archive(SAMPLE))] == [entry.path for entry in SAMPLE]


def test_inodes_are_counted_from_721() -> None:
    assert [member.inode for member in members(archive(SAMPLE))] == list(range(721, 721 + len(SAMPLE)))


@pytest.mark.parametrize(
    ("name", "mode", "links", "rdev", "data"),
    [
        ("etc", 0o040755, 2, (0, 0), b""),
        ("etc/motd", 0o100640, 1, (0, 0), b"hello\n"),
        ("bin", 0o120777, 1, (0, 0), b"usr/bin"),
        ("console", 0o020600, 1, (5, 1), b""),
        ("disk", 0o060600, 1, (8, 17), b""),
        ("pipe", 0o010600, 1, (0, 0), b""),
    ],
)
def test_each_kind_of_entry(name: str, mode: int, links: int, rdev: tuple[int, int], data: bytes) -> None:
    member = by_name(SAMPLE)[name]
    assert (member.mode, member.links, member.rdev, member.data) == (mode, links, rdev, data)


def test_times_are_whole_seconds() -> None:
    assert by_name(SAMPLE)["etc/motd"].mtime == 1500000000


@pytest.mark.parametrize(("seconds", "stored"), [(-5, 0), (0, 0), (1 << 31, 1 << 31), (1 << 40, (1 << 32) - 1)])
def test_times_that_the_format_cannot_hold_are_cut(seconds: int, stored: int) -> None:
    assert by_name([file("x", mtime_ns=seconds * SECOND)])["x"].mtime == stored


def test_names_of_a_hard_link_share_an_inode_and_its_attributes() -> None:
    found = by_name(LINKED)
    assert len({(found[name].inode, found[name].mode, found[name].uid) for name in ("a", "b", "d/c")}) == 1
    assert [found[name].links for name in ("a", "b", "d/c")] == [3, 3, 3]


def test_the_data_of_a_hard_linked_file_is_stored_once() -> None:
    assert [member.data for member in members(archive(LINKED)) if member.name != "d"] == [b"data", b"", b""]


def test_a_hard_link_may_come_before_its_file() -> None:
    early, late = members(archive([hard_link("early", "late"), file("late", b"x")]))
    assert (early.inode, early.data, late.data) == (late.inode, b"", b"x")


def test_a_hard_link_to_a_symbolic_link_becomes_a_second_one() -> None:
    found = by_name([symlink("s", "target"), hard_link("h", "s")])
    assert found["h"].data == b"target"
    assert found["h"].inode != found["s"].inode
    assert found["h"].links == 1


def test_a_hard_link_to_a_device_is_the_same_device() -> None:
    found = by_name([device("tty", Kind.CHAR, 5, 0), hard_link("tty2", "tty")])
    assert found["tty2"] == replace(found["tty"], name="tty2")


@pytest.mark.parametrize(
    "entries",
    [[hard_link("a", "gone")], [hard_link("a", "b"), hard_link("b", "a")], [hard_link("a", "a")]],
    ids=["missing", "circle", "itself"],
)
def test_a_hard_link_that_leads_nowhere_is_a_bug(entries: list[Entry]) -> None:
    with pytest.raises(ValueError, match="hard link 'a' leads to"):
        cpio.plan(entries)


def test_records_are_the_archive_cut_between_entries() -> None:
    records = [read(record) for record in cpio.records(LINKED)]
    assert b"".join(records) == archive(LINKED)
    assert all(record.startswith(b"070701") and len(record) % 4 == 0 for record in records)
    assert len(records) == len(LINKED)


def test_first_inode_and_device_can_be_chosen() -> None:
    (member,) = members(archive([file("x")], first_inode=7, device=(0xABCD, 0xFFFFFFFF)))
    assert (member.inode, member.device) == (7, (0xABCD, 0xFFFFFFFF))


def test_a_device_is_made_from_the_first_64_bits_of_a_key() -> None:
    assert cpio.device_of("sha256:0123456789abcdef" + "f" * 48) == (0x01234567, 0x89ABCDEF)


def test_file_contents_are_not_read(tmp_path: Path) -> None:
    missing = FileSpan(str(tmp_path / "not there"), 10, 1 << 30)
    extents = cpio.plan([Entry("big", Kind.FILE, 0o644, content=Content((missing,)))])
    assert missing in {extent.source for extent in extents.extents}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (file("x" * 4096), "more than 4095 bytes"),
        (symlink("s", "x" * 4096), "more than 4095 bytes"),
        (Entry("big", Kind.FILE, 0o644, content=Content((Zeros(1 << 32),))), "'big' has 4096 MiB, a file in an initrd"),
        (file("own", uid=1 << 32), "'own' belongs to 4294967296:0"),
        (device("dev", Kind.CHAR, 1 << 32, 0), "'dev' is the device 4294967296:0"),
        (file("n" * 256, origin=ORIGIN), r"^init\[0\] lab: 'n{256}' has a name of 256 bytes"),
        (file("TRAILER!!!", origin=ORIGIN), r"^init\[0\] lab: 'TRAILER!!!' is what marks the end of an initrd"),
        (symlink("TRAILER!!!", "x"), "'TRAILER!!!' is what marks the end"),
    ],
    ids=["path", "target", "size", "owner", "device", "name", "trailer", "link named as the trailer"],
)
def test_what_the_kernel_would_skip_is_refused(entry: Entry, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        cpio.plan([entry])


def test_the_longest_path_is_accepted() -> None:
    path = "/".join(["x" * 255] * 16)[:4095]
    assert [member.name for member in members(archive([file(path)]))] == [path]


def test_names_that_are_not_utf8_keep_their_bytes() -> None:
    assert b"a\xff\xfeb\0" in archive([file("a\udcff\udcfeb")])


@given(trees())
def test_libarchive_reads_every_tree_back(tmp_path_factory: pytest.TempPathFactory, entries: tuple[Entry, ...]) -> None:
    need("bsdtar")
    path = tmp_path_factory.mktemp("cpio") / "tree.cpio"
    path.write_bytes(archive(entries) + cpio.trailer())
    found = mtree(path)
    assert set(found) == {entry.path for entry in entries}
    for entry in entries:
        seen = found[entry.path]
        assert int(seen["mode"], 8) == entry.mode
        assert (int(seen["uid"]), int(seen["gid"])) == (entry.uid, entry.gid)
        assert float(seen["time"]) == min(entry.mtime_ns // SECOND, (1 << 32) - 1)
        if entry.kind is Kind.FILE:
            assert seen["sha256digest"] == hashlib.sha256(read(entry.content)).hexdigest()
        if entry.kind is Kind.SYMLINK:
            assert seen["link"] == entry.link
        if entry.kind is Kind.CHAR:
            assert seen["device"] == f"native,{entry.device[0]},{entry.device[1]}"


@given(trees())
def test_the_kernels_rules_hold_for_every_tree(entries: tuple[Entry, ...]) -> None:
    found = members(archive(entries))
    assert [member.name for member in found] == [entry.path for entry in entries]
    for member in found:
        sharing = [other for other in found if other.inode == member.inode]
        assert member.links == (2 if stat.S_ISDIR(member.mode) else len(sharing))
        assert sum(bool(other.data) for other in sharing) <= 1


@pytest.mark.parametrize("program", ["cpio", "busybox"])
def test_other_unpackers_make_the_same_links(tmp_path: Path, program: str) -> None:
    need(program)
    command = {"cpio": ["cpio", "-idm"], "busybox": ["busybox", "cpio", "-idm"]}[program]
    entries = (*LINKED, file("empty"), hard_link("empty2", "empty"))
    subprocess.run(command, cwd=tmp_path, input=archive(entries) + cpio.trailer(), capture_output=True, check=True)
    assert {(tmp_path / name).read_bytes() for name in ("a", "b", "d/c")} == {b"data"}
    assert len({(tmp_path / name).stat().st_ino for name in ("a", "b", "d/c")}) == 1
    assert (tmp_path / "empty").stat().st_nlink == 2


def test_cpio_lists_all_segments_that_follow_one_another(tmp_path: Path) -> None:
    need("cpio")
    segments = [
        archive([file(f"{name}/file", b"x"), hard_link(f"{name}/link", f"{name}/file")], device=(0, number))
        for number, name in enumerate("abc")
    ]
    whole = b"".join(segments) + cpio.trailer()
    listing = subprocess.run(["cpio", "-it"], input=whole, capture_output=True, check=True)
    assert listing.stdout.decode().split() == ["a/file", "a/link", "b/file", "b/link", "c/file", "c/link"]


def test_hard_links_of_different_segments_stay_apart(tmp_path: Path) -> None:
    need("cpio")
    one = archive([file("a", b"1"), hard_link("a2", "a")], device=(1, 1))
    two = archive([file("b", b"2"), hard_link("b2", "b")], device=(1, 2))
    subprocess.run(["cpio", "-id"], cwd=tmp_path, input=one + two + cpio.trailer(), capture_output=True, check=True)
    assert (tmp_path / "a2").read_bytes() == b"1"
    assert (tmp_path / "b2").read_bytes() == b"2"


@given(st.lists(trees(), min_size=1, max_size=3))
def test_any_number_of_segments_can_be_joined(segments: list[tuple[Entry, ...]]) -> None:
    whole = b"".join(archive(entries) for entries in segments) + cpio.trailer()
    assert [member.name for member in members(whole)] == [entry.path for entries in segments for entry in entries]


def test_the_name_of_the_trailer_means_nothing_in_a_folder() -> None:
    assert [member.name for member in members(archive([folder("a"), file("a/TRAILER!!!", b"x")]))] == [
        *("a", "a/TRAILER!!!")
    ]


def test_a_hard_link_of_the_trailers_name_is_refused() -> None:
    with pytest.raises(BuildError, match="'TRAILER!!!' is what marks the end"):
        cpio.plan([file("a"), hard_link("TRAILER!!!", "a")])
