"""ISO 9660 volumes, as xorriso and pycdlib read them."""

from __future__ import annotations

import io
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycdlib import PyCdlib
from support.discs import boot_entry, extracted_disc, listing
from support.entries import SECOND, device, file, folder, hard_link, symlink, trees
from support.plans import map_bytes, save
from support.tools import need

from lkboard.disk import iso9660
from lkboard.disk.content import read
from lkboard.disk.el_torito import BootImage
from lkboard.errors import BuildError
from lkboard.model.extents import Content, FileSpan, Zeros
from lkboard.model.rootfs import EPOCH, Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lkboard.disk.iso9660 import Volume

NEW = 1_700_000_000
BOOT = BootImage("boot.img", "bios", 4)
BLOCK = 2048


def plan(*entries: Entry, epoch: int = EPOCH, boot: BootImage | None = None) -> Volume:
    return iso9660.plan(entries, label="LINUXKIT", epoch=epoch, boot=boot)


def disc(tmp_path: Path, *entries: Entry) -> Path:
    return save(plan(*entries).extents, tmp_path / "x.iso")


def opened(volume: Volume) -> PyCdlib:
    """Return a volume in pycdlib, which complains about what the standard does not allow."""
    iso = PyCdlib()
    iso.open_fp(io.BytesIO(map_bytes(volume.extents)))
    return iso


def test_modes_owners_times_and_devices_are_kept(tmp_path: Path) -> None:
    found = listing(
        disc(
            tmp_path,
            folder("dev", mtime_ns=0),
            device("dev/null", Kind.CHAR, 1, 3, mode=0o666),
            device("dev/sda", Kind.BLOCK, 8, 0),
            folder("etc", mode=0o1750, uid=3, gid=4),
            file("etc/name", b"text", mode=0o4755, uid=5, gid=70_000, mtime_ns=NEW * SECOND),
            Entry("pipe", Kind.FIFO, 0o600),
        )
    )
    assert found["dev"][0] == "drwxr-xr-x"
    assert found["dev"][5:] == ["Jan", "1", "1970"]
    assert (found["dev/null"][0], found["dev/null"][4]) == ("crw-rw-rw-", "1,3")
    assert (found["dev/sda"][0], found["dev/sda"][4]) == ("brw-------", "8,0")
    assert (found["etc"][0], found["etc"][2:4]) == ("drwxr-x--T", ["3", "4"])
    assert found["etc/name"] == ["-rwsr-xr-x", "1", "5", "70000", "4", "Nov", "14", "2023"]
    assert found["pipe"][0] == "prw-------"


@pytest.mark.parametrize(
    "target",
    ["name", "../up", "/", "/abs/path", "./here/../there", "x" * 255, "/".join(["long"] * 180), "../" * 30 + "a" * 200],
)
def test_a_symbolic_link_leads_where_it_did(tmp_path: Path, target: str) -> None:
    assert listing(disc(tmp_path, symlink("link", target)))["link"][8] == f"'{target}'"


@pytest.mark.parametrize("name", ["a" * 255, "große Datei.tar.gz", "two\nlines", ".hidden", "no.", "bad\udcff", ";1"])
def test_any_name_comes_back(tmp_path: Path, name: str) -> None:
    assert extracted_disc(disc(tmp_path, file(name, b"data")), tmp_path / "out") == {name: b"data"}


def test_folders_may_be_nested_deeply(tmp_path: Path) -> None:
    path = "/".join("abcdefghijklmnop")
    assert extracted_disc(disc(tmp_path, file(path, b"deep")), tmp_path / "out") == {path: b"deep"}


def test_a_folder_may_have_many_files_with_names_that_begin_alike(tmp_path: Path) -> None:
    files = {f"a long name that goes on and on {number:04}.conf": b"%d" % number for number in range(1500)}
    made = disc(tmp_path, *(file(name, data) for name, data in files.items()))
    assert extracted_disc(made, tmp_path / "out") == files


def test_hard_links_share_place_and_attributes(tmp_path: Path) -> None:
    made = disc(tmp_path, file("a", b"x" * 5000, mode=0o640), hard_link("b", "a"), folder("c"), hard_link("c/d", "a"))
    found = listing(made)
    assert [found[name][0] for name in ("a", "b", "c/d")] == ["-rw-r-----"] * 3
    assert extracted_disc(made, tmp_path / "out") == dict.fromkeys(("a", "b", "c/d"), b"x" * 5000)
    assert made.stat().st_size < plan(file("a", b"x" * 5000), file("b", b"x" * 5000), folder("c")).extents.size


def test_hard_links_are_known_by_their_number(tmp_path: Path) -> None:
    path = disc(tmp_path, file("a", b"x"), hard_link("b", "a"), file("c", b"x"))
    need("xorriso")
    links, unpack = ["-hardlinks", "on"], ["-osirrox", "on", "-extract", "/", tmp_path / "out"]
    subprocess.run(["xorriso", *links, "-indev", path, *unpack], check=True, capture_output=True)
    assert (tmp_path / "out/a").samefile(tmp_path / "out/b")
    assert not (tmp_path / "out/a").samefile(tmp_path / "out/c")


def test_the_root_directory_is_described(tmp_path: Path) -> None:
    found = listing(disc(tmp_path, folder(".", mode=0o700, uid=7, mtime_ns=NEW * SECOND)))
    assert found[""] == ["drwx------", "1", "7", "0", "0", "Nov", "14", "2023"]


def test_what_is_made_up_is_as_old_as_the_epoch(tmp_path: Path) -> None:
    path = save(plan(file("made/up", b"x", mtime_ns=0), epoch=NEW).extents, tmp_path / "x.iso")
    assert listing(path)["made"] == ["drwxr-xr-x", "1", "0", "0", "0", "Nov", "14", "2023"]
    assert b"2023111422132000" in path.read_bytes()


def test_times_out_of_range_are_cut(tmp_path: Path) -> None:
    found = listing(disc(tmp_path, file("late", mtime_ns=(1 << 33) * SECOND), file("early", mtime_ns=-SECOND)))
    assert (found["late"][5:8], found["early"][5:8]) == (["Feb", "7", "2106"], ["Jan", "1", "1970"])


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/St_Johns"])
def test_the_zone_does_not_change_it(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    before = plan(file("a", b"x"))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert plan(file("a", b"x")) == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_contents_are_not_read(tmp_path: Path) -> None:
    span = FileSpan(str(tmp_path / "missing"), 0, 64 << 20)
    made = plan(Entry("a", Kind.FILE, 0o644, content=Content((span,))))
    assert span in [extent.source for extent in made.extents.extents]


def test_the_system_area_is_left_free() -> None:
    assert plan(file("a", b"x")).extents.extents[0].offset == iso9660.SYSTEM_AREA


def test_there_is_room_to_read_ahead_behind_the_last_file() -> None:
    volume = plan(file("a", b"x" * 5000))
    end = max(extent.end for extent in volume.extents.extents)
    assert volume.extents.size - end > 150 * BLOCK
    iso = opened(volume)
    assert iso.pvd.space_size == -(-end // BLOCK)
    iso.close()


def test_another_reader_agrees() -> None:
    iso = opened(plan(folder("etc"), file("etc/os-release.txt", b"ID=x"), file("empty")))
    assert iso.has_rock_ridge()
    taken = io.BytesIO()
    iso.get_file_from_iso_fp(taken, rr_path="/etc/os-release.txt")
    assert taken.getvalue() == b"ID=x"
    assert iso.get_record(iso_path="/ETC/OS_RELEASE.TXT;1").get_data_length() == 4
    iso.close()


class TestBootImage:
    def test_the_entry_leads_to_the_file(self, tmp_path: Path) -> None:
        volume = plan(file("a", b"x" * 9000), file("boot.img", b"program"), boot=BOOT)
        path = save(volume.extents, tmp_path / "x.iso")
        entry = boot_entry(path)
        assert (entry["platform"], entry["boots"], entry["emulation"], entry["size"]) == ("BIOS", "y", "none", "4")
        assert int(entry["block"]) == volume.boot_block
        assert path.read_bytes()[volume.boot_block * BLOCK :].startswith(b"program")

    def test_the_sum_of_the_catalog_is_zero(self) -> None:
        """pycdlib refuses to open the volume otherwise."""
        iso = opened(plan(file("boot.img", b"program"), boot=BOOT))
        assert iso.eltorito_boot_catalog is not None
        iso.close()

    def test_its_place_does_not_depend_on_what_is_in_it(self) -> None:
        places = [plan(file("boot.img", data), boot=BOOT).boot_block for data in (b"a" * 9000, b"b" * 9000)]
        assert places[0] == places[1] > 0


class TestWhatDoesNotFit:
    def test_a_file_of_4_gib(self) -> None:
        huge = Entry("dir/huge", Kind.FILE, 0o644, content=Content((Zeros(1 << 32),)))
        with pytest.raises(BuildError, match="'dir/huge' is too large: a file on a disc has at most 4 GiB - 1 byte"):
            plan(huge)

    def test_more_folders_than_the_table_can_number(self) -> None:
        with pytest.raises(BuildError, match="a disc has room for 65535 folders, there are 65536"):
            plan(*(folder(f"{number}") for number in range(65_535)))

    def test_two_files_of_one_name(self) -> None:
        with pytest.raises(BuildError, match=r"'a/b' is there twice \(rename or remove one of them\)"):
            plan(file("a/b"), file("a/b"))

    def test_a_file_inside_of_a_file(self) -> None:
        with pytest.raises(BuildError, match="'a/b' cannot be in 'a', which is not a folder"):
            plan(file("a"), file("a/b"))


def checked(entries: Sequence[Entry]) -> dict[str, bytes]:
    """Return files by path, as pycdlib reads them."""
    iso = opened(plan(*entries))
    found = {}
    for entry in entries:
        if entry.kind is Kind.FILE and entry.content.size:
            taken = io.BytesIO()
            iso.get_file_from_iso_fp(taken, rr_path=f"/{entry.path}")
            found[entry.path] = taken.getvalue()
    iso.close()
    return found


@settings(deadline=None)
@given(trees())
def test_every_file_of_any_tree_is_found(entries: tuple[Entry, ...]) -> None:
    assert checked(entries) == {
        entry.path: read(entry.content) for entry in entries if entry.kind is Kind.FILE and entry.content.size
    }


@settings(deadline=None)
@given(st.lists(st.text("ab.-;é", min_size=1, max_size=40).filter(lambda name: name not in {".", ".."}), unique=True))
def test_names_that_are_alike_without_rock_ridge(names: list[str]) -> None:
    entries = [file(name, name.encode()) for name in names]
    assert checked(entries) == {name: name.encode() for name in names}
