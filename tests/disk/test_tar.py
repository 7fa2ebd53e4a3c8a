from __future__ import annotations

import io
import subprocess
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import SECOND, device, file, folder, hard_link, symlink, trees
from support.mtree import mtree
from support.plans import map_bytes
from support.tools import need

from lkboard.disk import tar
from lkboard.disk.content import read
from lkboard.errors import BuildError
from lkboard.model.extents import Content, FileSpan, Zeros
from lkboard.model.rootfs import Entry, Kind, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ORIGIN = Origin("docker.io/library/nginx:1", "services[0]")


def archive(entries: Sequence[Entry], **options: bool) -> bytes:
    return map_bytes(tar.plan(entries, **options))


def opened(entries: Sequence[Entry]) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(archive(entries)))


def only(entry: Entry) -> tarfile.TarInfo:
    (member,) = opened([entry]).getmembers()
    return member


def fields(*texts: str) -> bytes:
    return b"".join(text.encode() + b"\0" for text in texts)


def header_field(entry: Entry, start: int, size: int) -> bytes:
    """Return a field of the entry's own header: the last block before its data."""
    blocks = len(archive([entry])) // 512 - 2 - -(-entry.content.size // 512)
    return archive([entry])[(blocks - 1) * 512 :][start : start + size]


def test_a_plain_entry_is_one_header_byte_for_byte() -> None:
    header = b"".join(
        (
            b"boot/cmdline".ljust(100, b"\0"),
            fields("0000644", "0000000", "0000000", "00000000005", "13075437410", "011544"),
            b" 0",
            bytes(100),
            fields("ustar"),
            b"00",
            bytes(64),
            fields("0000000", "0000000"),
        )
    ).ljust(512, b"\0")
    assert archive([file("boot/cmdline", b"quiet")]) == header + b"quiet".ljust(512, b"\0") + bytes(1024)


def test_records_are_an_extended_header_byte_for_byte() -> None:
    records = b"30 LINUXKIT.location=files[0]\n34 LINUXKIT.source=linuxkit.files\n"
    header = b"".join(
        (
            b"etc/PaxHeaders.0/x".ljust(100, b"\0"),
            fields("0000000", "0000000", "0000000", "00000000100", "00000000000", "011155"),
            b" x",
            bytes(100),
            fields("ustar"),
            b"00",
            bytes(64 + 16),
        )
    ).ljust(512, b"\0")
    written = archive([file("etc/x", origin=Origin("linuxkit.files", "files[0]"))])
    assert written[:1024] == header + records.ljust(512, b"\0")


def test_an_archive_ends_with_two_empty_blocks_and_no_more() -> None:
    assert archive([]) == bytes(1024)
    assert len(archive([file("a", b"x")])) == 2048


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("boot", "PaxHeaders.0/boot"),
        ("etc/motd", "etc/PaxHeaders.0/motd"),
        ("a/b/c", "a/b/PaxHeaders.0/c"),
        ("ä/ü/x", "PaxHeaders.0/x"),
        ("dir/ü", "dir/PaxHeaders.0"),
        ("d/" + "n" * 200, ("d/PaxHeaders.0/" + "n" * 200)[:100]),
        ("p" * 99 + "/n", "p" * 99),
    ],
    ids=["top", "folder", "deep", "not ASCII folders", "not ASCII name", "long", "cut at a slash"],
)
def test_names_of_extended_headers(path: str, name: str) -> None:
    written = archive([file(path, origin=ORIGIN)])
    assert written[:100].rstrip(b"\0").decode().removeprefix("//") == name


@pytest.mark.parametrize(
    ("entry", "start", "size", "expected"),
    [
        (file("grüße"), 0, 100, b"gre"),
        (file("x" * 150), 0, 100, b"x" * 100),
        (file("y" * 99 + "/z"), 0, 100, b"y" * 99),
        (symlink("s", "ziel/ö"), 157, 100, b"ziel/"),
        (symlink("s", "z" * 120), 157, 100, b"z" * 100),
        (symlink("s", "z" * 98 + "//end"), 157, 100, b"z" * 98 + b"\0/"),
        (file("f", uid=2097151), 108, 8, b"7777777"),
        (file("f", uid=2097152), 108, 8, b"0000000"),
        (file("f", gid=4294967294), 116, 8, b"0000000"),
        (file("f", mode=0o7777), 100, 8, b"0007777"),
        (file("f", mode=0o107777), 100, 8, b"0107777"),
        (file("f", mtime_ns=3 * SECOND // 2), 136, 12, b"00000000001"),
        (file("f", mtime_ns=-SECOND), 136, 12, b"00000000000"),
        (file("f", mtime_ns=8589934592 * SECOND), 136, 12, b"00000000000"),
        (file("f", uname="lab", gname="wheel"), 265, 64, b"lab".ljust(32, b"\0") + b"wheel"),
        (device("d", Kind.BLOCK, 8, 17), 329, 16, b"0000010\x000000021"),
        (folder("d"), 156, 1, b"5"),
        (hard_link("h", "d"), 156, 1, b"1"),
        (Entry("p", Kind.FIFO, 0o600), 156, 1, b"6"),
    ],
)
def test_fields_of_an_entry_header(entry: Entry, start: int, size: int, expected: bytes) -> None:
    assert header_field(entry, start, size).rstrip(b"\0") == expected


@pytest.mark.parametrize(
    ("entry", "records"),
    [
        (file("short"), {}),
        (file("n" * 100), {}),
        (file("n" * 101), {"path": "n" * 101}),
        (file("grüße"), {"path": "grüße"}),
        (symlink("s", "t" * 101), {"linkpath": "t" * 101}),
        (file("f", uid=2097151, gid=2097151), {}),
        (file("f", uid=2097152, gid=4294967294), {"uid": "2097152", "gid": "4294967294"}),
        (file("f", mtime_ns=8589934591 * SECOND), {}),
        (file("f", mtime_ns=8589934592 * SECOND), {"mtime": "8589934592"}),
        (file("f", mtime_ns=1500000000123456789), {"mtime": "1500000000.123456789"}),
        (file("f", mtime_ns=1500000000500000000), {"mtime": "1500000000.5"}),
        (file("f", mtime_ns=-86400 * SECOND), {"mtime": "-86400"}),
        (file("f", mtime_ns=-3 * SECOND // 2), {"mtime": "-1.5"}),
        (file("f", mtime_ns=-SECOND // 2), {"mtime": "-0.5"}),
        (file("f", uname="u" * 33, gname="grüße"), {"uname": "u" * 33, "gname": "grüße"}),
        (file("f", origin=ORIGIN), {"LINUXKIT.source": ORIGIN.source, "LINUXKIT.location": ORIGIN.location}),
        (
            file("f", pax=(("atime", b"5"), ("SCHILY.xattr.user.a", b"1=2"))),
            {"atime": "5", "SCHILY.xattr.user.a": "1=2"},
        ),
    ],
)
def test_records_hold_what_the_header_cannot(entry: Entry, records: dict[str, str]) -> None:
    assert only(entry).pax_headers == records


def test_records_are_sorted_by_key() -> None:
    entry = file("ü", uid=1 << 22, origin=ORIGIN, pax=(("SCHILY.xattr.z", b"1"), ("SCHILY.xattr.a", b"2")))
    keys = [line.split(b" ")[1].split(b"=")[0] for line in archive([entry])[512:1024].rstrip(b"\0").splitlines()]
    assert keys == sorted(keys)
    assert len(keys) == 6


def test_attributes_keep_all_bytes() -> None:
    value = bytes(range(256))
    written = archive([file("f", pax=(("SCHILY.xattr.security.capability", value),))])
    assert b"294 SCHILY.xattr.security.capability=" + value + b"\n" in written


@given(st.integers(1, 1100))
def test_the_length_of_a_record_counts_itself(size: int) -> None:
    assert only(file("f", pax=(("k", b"v" * size),))).pax_headers == {"k": "v" * size}


def test_origins_can_be_left_out() -> None:
    assert archive([file("f", origin=ORIGIN)], with_origin=False) == archive([file("f")])


def test_a_file_of_more_than_8_gib_has_its_size_in_a_record() -> None:
    entry = Entry("big", Kind.FILE, 0o644, content=Content((Zeros((8 << 30) + 1),)))
    extents = tar.plan([entry])
    head = extents.extents[0].source
    assert b" size=8589934593\n" in head.data  # type: ignore[union-attr]
    assert extents.size == 3 * 512 + (8 << 30) + 512 + 1024


def test_device_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BuildError, match="'dev' has a device number above 2097151"):
        tar.plan([device("dev", Kind.CHAR, 1, 1 << 21)])


def test_file_contents_are_not_read(tmp_path: Path) -> None:
    missing = FileSpan(str(tmp_path / "not there"), 10, 1 << 30)
    extents = tar.plan([Entry("big", Kind.FILE, 0o644, content=Content((missing,)))])
    assert missing in {extent.source for extent in extents.extents}


def test_hard_links_are_hard_links() -> None:
    member = opened([file("a", b"x"), hard_link("b", "a")]).getmember("b")
    assert (member.islnk(), member.linkname, member.size) == (True, "a", 0)


@given(trees(max_time=1 << 40))
def test_python_reads_every_tree_back_in_order(entries: tuple[Entry, ...]) -> None:
    with opened(entries) as found:
        members = found.getmembers()
        assert [member.name for member in members] == [entry.path for entry in entries]
        for entry, member in zip(entries, members, strict=True):
            assert member.type == entry.kind.value.encode()
            assert (member.mode, member.uid, member.gid) == (entry.mode, entry.uid, entry.gid)
            assert float(member.mtime) == entry.mtime_ns / SECOND
            assert member.linkname == entry.link
            assert (member.devmajor, member.devminor) == entry.device
            if entry.kind is Kind.FILE:
                data = found.extractfile(member)
                assert data is not None
                assert data.read() == read(entry.content)


@given(trees(is_ascii=True))  # libarchive 3.6 crashes on some link targets of pax archives that are not ASCII
def test_libarchive_reads_every_tree(tmp_path_factory: pytest.TempPathFactory, entries: tuple[Entry, ...]) -> None:
    need("bsdtar")
    path = tmp_path_factory.mktemp("tar") / "tree.tar"
    path.write_bytes(archive(entries))
    found = mtree(path)
    assert {name: int(seen["mode"], 8) for name, seen in found.items()} == {entry.path: entry.mode for entry in entries}


def test_gnu_tar_unpacks_it(tmp_path: Path) -> None:
    entries = (
        folder("d", origin=ORIGIN),
        file("d/" + "lang" * 60, b"content", mode=0o600, origin=ORIGIN),
        hard_link("h", "d/" + "lang" * 60),
        symlink("s", "x" * 200),
    )
    command = ["tar", "-x", "--warning=no-unknown-keyword", "-C", str(tmp_path)]
    done = subprocess.run(command, input=archive(entries), capture_output=True, check=True)
    assert done.stderr == b""
    assert (tmp_path / "h").read_bytes() == b"content"
    assert (tmp_path / "h").stat().st_nlink == 2
    assert str((tmp_path / "s").readlink()) == "x" * 200


def test_a_plan_keeps_no_headers() -> None:
    entries = [file(f"folder/{number}", origin=Origin("docker.io/lab/x:v1", "services[0]")) for number in range(5000)]
    tracemalloc.start()
    try:
        planned = tar.plan(entries)
        assert planned.size > 5000 * 1536
        assert tracemalloc.get_traced_memory()[0] < planned.size / 2
    finally:
        tracemalloc.stop()
    with tarfile.open(fileobj=io.BytesIO(map_bytes(planned))) as found:
        assert found.getnames() == [entry.path for entry in entries]
