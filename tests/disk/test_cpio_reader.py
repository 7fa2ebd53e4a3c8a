"""The reader of cpio archives, against archives of lkboard, of the program cpio, and broken ones."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from support.entries import SECOND, device, file, folder, hard_link, symlink, trees
from support.tools import need

from lkboard.disk import cpio, cpio_reader
from lkboard.disk.content import as_content, read
from lkboard.disk.cpio_reader import read_cpio
from lkboard.errors import BuildError, Cancelled
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from pathlib import Path

Plain = tuple[object, ...]


def plain(entry: Entry) -> Plain:
    """Return what an archive holds of an entry; of a hard link only where it leads, and a symbolic link has its own."""
    if entry.kind is Kind.HARDLINK:
        return entry.path, entry.kind, entry.link
    data = read(entry.content)
    owner = entry.uid, entry.gid, entry.mtime_ns // SECOND
    return entry.path, entry.kind, entry.mode, *owner, entry.link, entry.device, data


def ignore() -> None:
    pass


def entries_in(path: Path) -> tuple[Entry, ...]:
    return read_cpio(path, ignore).entries


def archive(path: Path, *entries: Entry) -> Path:
    path.write_bytes(read(as_content(cpio.plan(entries))))
    return path


@given(entries=trees(max_time=(1 << 32) - 1))
def test_what_was_written_is_read(entries: tuple[Entry, ...], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = archive(tmp_path_factory.mktemp("cpio") / "a", *entries)
    found = read_cpio(path, ignore)
    assert [plain(entry) for entry in found.entries] == [plain(entry) for entry in entries]
    assert found.end == path.stat().st_size


def test_several_archives_with_zeros_between_them_are_read(tmp_path: Path) -> None:
    one = archive(tmp_path / "1", file("a", b"one"), hard_link("b", "a")).read_bytes()
    two = archive(tmp_path / "2", file("a", b"two"), hard_link("c", "a")).read_bytes()
    path = tmp_path / "all"
    path.write_bytes(one + cpio.trailer() + bytes(9000) + two + cpio.trailer())
    found = entries_in(path)
    assert [(entry.path, entry.kind, entry.link) for entry in found] == [
        ("a", Kind.FILE, ""),
        ("b", Kind.HARDLINK, "a"),
        ("a", Kind.FILE, ""),
        ("c", Kind.HARDLINK, "a"),
    ]
    assert read(found[2].content) == b"two"
    parts = read_cpio(path, ignore).parts
    second = len(one) + len(cpio.trailer()) + 9000
    assert [(len(part.entries), part.end) for part in parts] == [(2, second), (2, path.stat().st_size)]


def test_it_ends_where_something_else_begins(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", file("a", b"x"))
    whole = path.read_bytes() + cpio.trailer()
    path.write_bytes(whole + b"\x1f\x8bpacked")
    assert read_cpio(path, ignore).end == len(whole)


@pytest.mark.parametrize("data", [b"", bytes(700), b"no archive", b"07070"])
def test_no_archive_has_no_entries(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    assert entries_in(path) == ()


def test_archives_of_the_program_cpio_are_read(tmp_path: Path) -> None:
    need("cpio")
    tree = tmp_path / "tree"
    (tree / "d").mkdir(parents=True)
    (tree / "d/f").write_bytes(b"data of three names")
    (tree / "d/g").hardlink_to(tree / "d/f")
    (tree / "h").hardlink_to(tree / "d/f")
    (tree / "s").symlink_to("d/f")
    (tree / "empty").touch()
    path = tmp_path / "a"
    command = ["cpio", "-o", "-H", "newc", "--quiet", "-F", str(path)]
    subprocess.run(command, cwd=tree, input=b"d\nd/f\nd/g\nh\ns\nempty\n", check=True)
    found = {entry.path: entry for entry in entries_in(path)}
    assert set(found) == {"d", "d/f", "d/g", "h", "s", "empty"}
    assert {name: found[name].kind for name in ("d", "s", "empty")} == {
        "d": Kind.DIRECTORY,
        "s": Kind.SYMLINK,
        "empty": Kind.FILE,
    }
    # GNU cpio gives the bytes to the last name
    assert [(found[name].kind, found[name].link) for name in ("d/f", "d/g", "h")] == [
        (Kind.HARDLINK, "h"),
        (Kind.HARDLINK, "h"),
        (Kind.FILE, ""),
    ]
    assert (read(found["h"].content), found["s"].link) == (b"data of three names", "d/f")


def test_devices_and_pipes_are_read(tmp_path: Path) -> None:
    entries = device("c", Kind.CHAR, 5, 1), device("b", Kind.BLOCK, 8, 300), folder("d")
    pipe = replace(folder("p"), kind=Kind.FIFO)
    found = entries_in(archive(tmp_path / "a", *entries, pipe, symlink("l", "x" * 4000)))
    assert [(entry.kind, entry.device) for entry in found[:4]] == [
        (Kind.CHAR, (5, 1)),
        (Kind.BLOCK, (8, 300)),
        (Kind.DIRECTORY, (0, 0)),
        (Kind.FIFO, (0, 0)),
    ]
    assert found[4].link == "x" * 4000


GOOD = "070701" + "00000001" + "000081a4" + "00000000" * 4 + "00000004" + "00000000" * 4 + "00000002" + "00000000"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (GOOD[:100].encode(), "the header at byte 0"),
        (GOOD[:50].encode() + b"wxyz" + GOOD[54:].encode() + b"a\0data", "the header at byte 0"),
        (GOOD.encode() + b"ab" + b"data", "the entry at byte 0"),
        (GOOD.encode() + b"a\0dat", "the entry at byte 0"),
        (GOOD.replace("00000002", "00000000").encode() + b"a\0data", "the entry at byte 0"),
        (GOOD.replace("00000002", "7fffffff").encode() + b"a\0data", "the entry at byte 0"),
        (GOOD.replace("000081a4", "000001a4").encode() + b"a\0data", "the entry 'a' at byte 112"),
    ],
)
def test_damage_is_told(data: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(BuildError) as caught:
        read_cpio(path, ignore)
    assert str(caught.value) == f"{path}: the cpio archive is damaged: {what}"


def header(size: int = 0, *, mode: int = 0o100644, name: bytes = b"a\0") -> bytes:
    fields = (1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name), 0)
    entry = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return entry + bytes(-len(entry) % 4)


def test_more_entries_than_any_honest_archive_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpio_reader, "ENTRY_LIMIT", 3)
    path = tmp_path / "a"
    path.write_bytes(header() * 3)
    assert len(entries_in(path)) == 3
    for more in (header(), cpio.trailer()):
        path.write_bytes(header() * 3 + more)
        with pytest.raises(BuildError) as caught:
            entries_in(path)
        assert str(caught.value) == f"{path}: the cpio archive has more than 3 entries"


def test_paths_and_targets_are_limited_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpio_reader, "TEXT_LIMIT", 3 << 20)
    path = tmp_path / "a"
    long = bytes([97]) * 4095 + b"\0"
    path.write_bytes((header(4096, mode=0o120777, name=long) + bytes(4096)) * 384)
    assert len(entries_in(path)) == 384
    path.write_bytes(path.read_bytes() + header())
    with pytest.raises(BuildError, match="has more than 3 MiB of paths"):
        entries_in(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot read the archive: No such file"):
        read_cpio(tmp_path / "none", ignore)


def test_reading_can_be_stopped_at_every_entry(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", file("a"), file("b"))
    count = itertools.count()
    read_cpio(path, lambda: next(count) and None)
    assert next(count) == 2

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        read_cpio(path, stop)
