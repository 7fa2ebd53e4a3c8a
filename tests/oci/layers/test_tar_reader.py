from __future__ import annotations

import io
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.images import Member, character, directory, file, hardlink, symlink, tar
from support.plans import source_bytes
from support.tools import need

from lkboard.disk.content import read
from lkboard.errors import LayerInvalid
from lkboard.model.extents import FileSpan, Inline
from lkboard.model.rootfs import Entry, Kind, Origin
from lkboard.oci.layers import tar_reader
from lkboard.oci.layers.tar_reader import read_tar

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = Origin("docker.io/lab/image:v1", "init[0]", "sha256:abc")
KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
    tarfile.CHRTYPE: Kind.CHAR,
    tarfile.BLKTYPE: Kind.BLOCK,
    tarfile.FIFOTYPE: Kind.FIFO,
}


def entries(data: bytes) -> list[Entry]:
    return list(read_tar(Inline(data), where="lab", origin=ORIGIN))


def one(data: bytes) -> Entry:
    (entry,) = entries(data)
    return entry


def made(info: tarfile.TarInfo, data: bytes = b"", format_: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return an archive of one member, as Python's tarfile writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def info(name: str, **fields: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(member, key, value)
    return member


def with_header(data: bytes, at: int, field: bytes) -> bytes:
    """Return an archive whose first header has other bytes at an offset, and a right checksum."""
    header = bytearray(data[:512])
    header[at : at + len(field)] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


def test_every_kind_of_entry_is_read_with_its_fields() -> None:
    found = entries(
        tar(
            directory("etc", 0o750, uid=1, gid=2),
            file("etc/motd", b"hello\n", 0o4755),
            symlink("bin", "usr/bin"),
            hardlink("etc/motd2", "etc/motd"),
            character("dev/null", 1, 3, 0o666),
            Member("dev/sda", tarfile.BLKTYPE, mode=0o660, device=(8, 0)),
            Member("pipe", tarfile.FIFOTYPE, mode=0o600),
        )
    )
    assert [(entry.path, entry.kind, entry.mode, entry.link, entry.device) for entry in found] == [
        ("etc/", Kind.DIRECTORY, 0o750, "", (0, 0)),
        ("etc/motd", Kind.FILE, 0o4755, "", (0, 0)),
        ("bin", Kind.SYMLINK, 0o777, "usr/bin", (0, 0)),
        ("etc/motd2", Kind.HARDLINK, 0o644, "etc/motd", (0, 0)),
        ("dev/null", Kind.CHAR, 0o666, "", (1, 3)),
        ("dev/sda", Kind.BLOCK, 0o660, "", (8, 0)),
        ("pipe", Kind.FIFO, 0o600, "", (0, 0)),
    ]
    assert (found[0].uid, found[0].gid, found[0].mtime_ns) == (1, 2, 1577836800_000000000)
    assert read(found[1].content) == b"hello\n"
    assert all(entry.origin is ORIGIN for entry in found)


def test_contents_are_places_in_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "outer"
    path.write_bytes(b"front" + tar(file("a", b"aaa"), file("b", b"bb" * 600)) + b"behind")
    span = FileSpan(str(path), 5, path.stat().st_size - 11, "sha256:whole")
    first, second = read_tar(span, where="lab", origin=ORIGIN)
    assert first.content.parts == (FileSpan(str(path), 5 + 512, 3, "sha256:whole"),)
    assert b"".join(source_bytes(part) for part in second.content.parts) == b"bb" * 600


@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("length", [99, 100, 101, 155, 256, 300, 1000])
def test_long_names_and_links(format_: int, length: int) -> None:
    name, target = "n/" + "x" * (length - 2), "t/" + "y" * (length - 2)
    entry = one(made(info(name, type=tarfile.SYMTYPE, linkname=target), format_=format_))
    assert (entry.path, entry.link) == (name, target)


def test_a_ustar_prefix_is_part_of_the_name() -> None:
    name = "d" * 90 + "/" + "f" * 90
    assert one(made(info(name))).path == name


def test_the_prefix_field_of_gnu_headers_is_no_name() -> None:
    gnu = made(info("f"), format_=tarfile.GNU_FORMAT)
    assert one(with_header(gnu, 345, b"00000000012\0")).path == "f"


@pytest.mark.parametrize("value", [2097151, 2097152, 4294967294])
@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_large_owners(format_: int, value: int) -> None:
    entry = one(made(info("f", uid=value, gid=value - 1), format_=format_))
    assert (entry.uid, entry.gid) == (value, value - 1)


@pytest.mark.parametrize(
    ("mtime", "nanoseconds"),
    [(0, 0), (4294967296, 4294967296_000000000), (-86400, -86400_000000000), (1500000000.5, 1500000000_500000000)],
)
def test_times_outside_of_the_field(mtime: float, nanoseconds: int) -> None:
    assert one(made(info("f", mtime=mtime), format_=tarfile.PAX_FORMAT)).mtime_ns == nanoseconds


def test_names_of_owners() -> None:
    entry = one(made(info("f", uname="müller", gname="wheel"), format_=tarfile.PAX_FORMAT))
    assert (entry.uname, entry.gname) == ("müller", "wheel")


def test_names_that_are_not_text_are_kept() -> None:
    name = os.fsdecode(b"caf\xe9\nline")
    entry = one(with_header(made(info("x")), 0, b"caf\xe9\nline"))
    assert entry.path == name
    assert os.fsencode(entry.path) == b"caf\xe9\nline"


def test_further_records_are_kept_as_bytes_and_sorted() -> None:
    records = {"SCHILY.xattr.user.b": "2", "SCHILY.xattr.user.a": "1", "atime": "14.25", "VENDOR.thing": "ü"}
    entry = one(made(info("f", pax_headers=records), format_=tarfile.PAX_FORMAT))
    assert entry.pax == (
        ("SCHILY.xattr.user.a", b"1"),
        ("SCHILY.xattr.user.b", b"2"),
        ("VENDOR.thing", "ü".encode()),
        ("atime", b"14.25"),
    )


def test_records_count_for_one_entry_only() -> None:
    data = tar(file("x" * 200, uid=3000000, pax=(("comment", "one"),)), file("short"))
    first, second = entries(data)
    assert (first.path, first.uid, dict(first.pax)) == ("x" * 200, 3000000, {"comment": b"one"})
    assert (second.path, second.uid, second.pax) == ("short", 0, ())


def test_global_records_describe_all_that_follows_but_are_not_passed_on() -> None:
    buffer = io.BytesIO()
    headers = {"mtime": "1234567890", "comment": "a commit"}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        for name in ("a", "b"):
            archive.addfile(info(name))
    found = entries(buffer.getvalue())
    assert [(entry.mtime_ns, entry.pax) for entry in found] == [(1234567890_000000000, ())] * 2


@pytest.mark.parametrize(
    ("flag", "name", "kind"),
    [
        (b"\0", "f", Kind.FILE),
        (b"7", "f", Kind.FILE),
        (b"0", "d/", Kind.DIRECTORY),
        (b"\0", "d/", Kind.DIRECTORY),
        (b"5", "d", Kind.DIRECTORY),
    ],
)
def test_old_type_flags(flag: bytes, name: str, kind: Kind) -> None:
    assert one(with_header(made(info(name)), 156, flag)).kind is kind


def test_type_bits_in_the_mode_are_kept_for_tars() -> None:
    assert one(with_header(made(info("f")), 100, b"0100644\0")).mode == 0o100644


def test_a_checksum_of_signed_bytes_is_accepted() -> None:
    data = bytearray(with_header(made(info("x")), 0, b"caf\xe9"))
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % (sum(data[:512]) - 256)
    assert os.fsencode(one(bytes(data)).path) == b"caf\xe9"


@pytest.mark.parametrize("data", [b"", b"\0" * 512, b"\0" * 10240])
def test_an_archive_may_be_empty(data: bytes) -> None:
    assert entries(data) == []


def test_an_archive_may_end_without_blocks_of_zeros() -> None:
    data = tar(file("a", b"x" * 512))[:1024]
    assert [entry.path for entry in entries(data)] == ["a"]


def test_what_follows_the_end_is_not_read() -> None:
    assert len(entries(tar(file("a")) + b"garbage" * 1000)) == 1


def sparse_of(map_: str, size: str = "9") -> bytes:
    records = (("GNU.sparse.map", map_), ("GNU.sparse.size", size), ("GNU.sparse.name", "f"))
    return tar(file("f", b"x", pax=records))


DAMAGE = {
    "garbage": (b"onboot:\n" * 100, r"^lab: this is no tar .*: the header at byte 0 has no number in 'ot:\\nonbo'$"),
    "an unfinished map": (sparse_of("0,1,2"), "has a broken sparse map"),
    "a map without a size": (sparse_of("0,1", size=""), "has no number in ''"),
    "a flipped byte": (b"X" + tar(file("a"))[1:], "wrong checksum"),
    "cut in a header": (tar(file("a", b"x" * 512))[:700], "cut in the middle"),
    "cut in data": (tar(file("a", b"x" * 5000))[:1024], "cut in the middle"),
    "cut in a header after the first": (tar(file("a", b"x" * 512), file("b"))[:1100], "cut in the middle"),
    "cut in attributes": (tar(file("x" * 600))[:600], "cut in the middle"),
    "a size below zero": (with_header(made(info("f")), 124, b"\xff" * 12), "a size that makes no sense"),
    "a huge size": (with_header(made(info("f")), 124, b"\x80" + b"\x7f" * 11), "cut in the middle"),
    "an owner below zero": (with_header(made(info("f")), 108, b"\xff" * 8), "the uid -1"),
    "a device number below zero": (
        with_header(made(info("f", type=tarfile.CHRTYPE)), 329, b"\xff" * 8),
        "the device number -1:0",
    ),
    "an unknown type": (with_header(made(info("f")), 156, b"V"), "the type 'V'"),
    "an endless attribute": (with_header(made(info("f", type=b"x")), 124, b"77777777777\0"), "bytes of attributes"),
    "a broken attribute": (
        with_header(made(info("f"), b"nonsense\n"), 156, b"x") + tar(file("a")),
        "broken attribute",
    ),
    "a path too long": (made(info("a/" * 2100 + "b"), format_=tarfile.PAX_FORMAT), "more than 4095 bytes"),
    "a time that is none": (tar(file("a", pax=(("mtime", "tomorrow"),))), "no time"),
    "an owner that is none": (tar(file("a", pax=(("uid", "me"),))), "no number in 'me'"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_archive_is_an_error_that_names_it(data: bytes, message: str) -> None:
    with pytest.raises(LayerInvalid, match=message) as caught:
        entries(data)
    assert caught.value.where == "lab"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LayerInvalid, match="No such file"):
        list(read_tar(FileSpan(str(tmp_path / "none"), 0, 512), where="lab", origin=ORIGIN))


def test_a_sparse_map_of_too_many_pieces_is_refused() -> None:
    piece = b"%011o\0" % 1 + b"%011o\0" % 0
    more = (piece * 21 + b"\1").ljust(512, b"\0")
    head = with_header(with_header(made(info("f")), 156, b"S"), 386, piece * 4 + b"\1")
    with pytest.raises(LayerInvalid, match="sparse map of more than 100000 pieces"):
        entries(head[:512] + more * 5000 + bytes(1024))
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "f", "GNU.sparse.realsize": "500"}
    data = b"100001\n".ljust(512, b"\0")
    with pytest.raises(LayerInvalid, match="sparse map of more than 100000 pieces"):
        entries(made(info("f", pax_headers=records), data, format_=tarfile.PAX_FORMAT))


def test_an_archive_of_too_many_headers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_reader, "ENTRY_LIMIT", 3)
    assert len(entries(tar(file("a"), file("b")))) == 2
    with pytest.raises(LayerInvalid, match="more than 3 headers"):
        entries(tar(file("a"), file("b"), file("c"), file("d")))


members = st.builds(
    Member,
    path=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=150),
    kind=st.sampled_from([tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE]),
    data=st.just(b""),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 1 << 32),
    gid=st.integers(0, 1 << 32),
    mtime=st.integers(-(1 << 40), 1 << 40),
    link=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=150),
    device=st.tuples(st.integers(0, 4095), st.integers(0, 1 << 18)),
)


@given(st.lists(members, max_size=6), st.binary(max_size=1500))
def test_what_tarfile_writes_is_read_back(written: list[Member], data: bytes) -> None:
    found = entries(tar(*written, file("last", data)))
    for entry, member in zip(found, written, strict=False):
        assert entry.path == member.path
        assert entry.kind is KINDS[member.kind]
        assert (entry.mode, entry.uid, entry.gid) == (member.mode, member.uid, member.gid)
        assert entry.mtime_ns == member.mtime * 1_000_000_000
        if entry.kind is Kind.CHAR:
            assert entry.device == member.device
        if entry.kind is Kind.SYMLINK:
            assert entry.link == member.link
    assert read(found[-1].content) == data


# other programs as judges


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that make archivers show what they can."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "plain").write_bytes(b"plain\n")
    os.link(folder / "plain", folder / "second")
    (folder / ("long" * 40)).write_bytes(b"long\n")
    (folder / "link").symlink_to("t" * 200)
    (folder / "sub").mkdir()
    with (folder / "sub" / "sparse").open("wb") as sparse:
        for at in range(60):
            sparse.seek(at * 200_000)
            sparse.write(b"island %d" % at)
        sparse.truncate(20_000_000)
    with (folder / "hollow").open("wb") as hollow:
        hollow.truncate(1_000_000)
    return folder


FORMATS = {
    "gnu": ["tar", "--format=gnu"],
    "gnu sparse": ["tar", "--format=gnu", "--sparse"],
    "pax": ["tar", "--format=pax"],
    "pax sparse 1.0": ["tar", "--format=pax", "--sparse", "--sparse-version=1.0"],
    "pax sparse 0.1": ["tar", "--format=pax", "--sparse", "--sparse-version=0.1"],
    "bsdtar pax": ["bsdtar", "--format=pax"],
    "bsdtar gnutar": ["bsdtar", "--format=gnutar"],
}


@pytest.mark.parametrize("command", FORMATS.values(), ids=FORMATS.keys())
def test_what_other_programs_pack_is_read_as_it_was(command: list[str], tree: Path, tmp_path: Path) -> None:
    need(command[0])
    packed = tmp_path / "packed.tar"
    subprocess.run([*command, "-cf", str(packed), "-C", str(tree), "."], check=True)
    span = FileSpan(str(packed), 0, packed.stat().st_size)
    found = {os.path.normpath(entry.path): entry for entry in read_tar(span, where="lab", origin=ORIGIN)}
    assert found.keys() == {".", "plain", "second", "long" * 40, "link", "sub", "sub/sparse", "hollow"}
    assert {found["plain"].kind, found["second"].kind} == {Kind.FILE, Kind.HARDLINK}
    assert found["link"].link == "t" * 200
    for name in ("long" * 40, "sub/sparse", "hollow"):
        assert read(found[name].content) == (tree / name).read_bytes()
        assert found[name].mtime_ns // 1_000_000_000 == (tree / name).stat().st_mtime_ns // 1_000_000_000
        assert not any(key.startswith("GNU.sparse") for key, _value in found[name].pax)


def test_the_abandoned_sparse_format_is_refused(tree: Path, tmp_path: Path) -> None:
    need("tar")
    packed = tmp_path / "packed.tar"
    options = ["--format=pax", "--sparse", "--sparse-version=0.0"]
    subprocess.run(["tar", *options, "-cf", str(packed), "-C", str(tree), "hollow"], check=True)
    with pytest.raises(LayerInvalid, match="sparse file in an unknown way"):
        list(read_tar(FileSpan(str(packed), 0, packed.stat().st_size), where="lab", origin=ORIGIN))


@pytest.mark.parametrize(
    "map_",
    [b"1\n0\n600\n", b"2\n0\n10\n5\n10\n", b"1\n-5\n10\n", b"1\n0\n4000\n", b"x\n", b"9" * 600],
)
def test_a_sparse_map_that_makes_no_sense_is_refused(map_: bytes) -> None:
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "f", "GNU.sparse.realsize": "500"}
    data = map_.ljust(1024, b"\0") + b"d" * 512
    with pytest.raises(LayerInvalid, match=r"sparse|size that makes no sense|no number in 'x'"):
        entries(made(info("f", pax_headers=records), data, tarfile.PAX_FORMAT))
