"""``kernel+squashfs``, as unsquashfs reads it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.entries import device, file, folder, hard_link, symlink
from support.plans import map_bytes, save
from support.roots import CMDLINE, IMAGE, build_input, rootfs
from support.tools import need

from lkboard.formats import catalogue
from lkboard.model.rootfs import Kind, Rootfs, Segment

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput
    from lkboard.model.rootfs import Entry

SECOND = 1_000_000_000
NEW = 1_700_000_000
ENTRIES = (
    folder("dev", mtime_ns=0),
    device("dev/null", Kind.CHAR, 1, 3, mode=0o666),
    device("dev/sda", Kind.BLOCK, 8, 0),
    folder("etc", mode=0o750, uid=3, gid=4),
    file("etc/name", b"text", mode=0o4755, uid=5, gid=60000, mtime_ns=NEW * SECOND),
    file("etc/große datei", b"x" * 300_000),
    hard_link("etc/other", "etc/name"),
    symlink("etc/link", "name"),
    file("etc/caps", b"", pax=(("SCHILY.xattr.user.colour", b"blue"),)),
)


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    need("mksquashfs", "unsquashfs")
    return build_input(tmp_path / "cache", rootfs())


def of(*entries: Entry) -> Rootfs:
    return Rootfs((Segment("all", entries),))


def made(build: BuildInput) -> dict[str, bytes]:
    return {planned.suffix: map_bytes(planned.extents) for planned in catalogue()["kernel+squashfs"].plan(build)}


def image(build: BuildInput, tmp_path: Path) -> Path:
    planned = next(file for file in catalogue()["kernel+squashfs"].plan(build) if file.suffix == "-squashfs.img")
    return save(planned.extents, tmp_path / "image")


def unsquashfs(*arguments: object) -> str:
    return subprocess.run(
        ["unsquashfs", *map(str, arguments)], check=True, capture_output=True, text=True, env={"TZ": "UTC"}
    ).stdout


def listing(path: Path) -> dict[str, list[str]]:
    """Return type and mode, owner, size or device, date and time of each path."""
    rows = [line.split(None, 6 if line[0] in "bc" else 5) for line in unsquashfs("-lln", path).splitlines()]
    return {row[-1].removeprefix("squashfs-root").removeprefix("/"): row[:-1] for row in rows}


def test_kernel_and_command_line_are_beside_it(build: BuildInput) -> None:
    files = made(build)
    assert (files["-kernel"], files["-cmdline"].decode()) == (IMAGE, CMDLINE)


def test_it_holds_the_root_without_kernel(build: BuildInput, tmp_path: Path) -> None:
    assert set(listing(image(build, tmp_path))) == {
        "", "bin", "bin/ash", "bin/sh", "boot", "init -> bin/sh", "lib", "lib/module.ko",
    }  # fmt: skip


def test_a_config_without_a_kernel_is_only_a_root(build: BuildInput) -> None:
    assert list(made(replace(build, rootfs=rootfs(kernel=None)))) == ["-squashfs.img"]


def test_modes_owners_times_and_devices_are_kept(build: BuildInput, tmp_path: Path) -> None:
    found = listing(image(replace(build, rootfs=of(*ENTRIES)), tmp_path))
    assert found["dev"] == ["drwxr-xr-x", "0/0", "38", "1970-01-01", "00:00"]
    assert found["dev/null"][:4] == ["crw-rw-rw-", "0/0", "1,", "3"]
    assert found["dev/sda"][:4] == ["brw-------", "0/0", "8,", "0"]
    assert found["etc"][:2] == ["drwxr-x---", "3/4"]
    assert found["etc/name"] == ["-rwsr-xr-x", "5/60000", "4", "2023-11-14", "22:13"]
    assert "etc/link -> name" in found


def test_contents_come_back(build: BuildInput, tmp_path: Path) -> None:
    path = image(replace(build, rootfs=of(*ENTRIES)), tmp_path)
    assert unsquashfs("-cat", path, "etc/große datei") == "x" * 300_000
    assert unsquashfs("-cat", path, "etc/other") == "text"


def test_extended_attributes_are_kept(build: BuildInput, tmp_path: Path) -> None:
    path = image(replace(build, rootfs=of(*ENTRIES)), tmp_path)
    assert "Number of xattr ids 1" in unsquashfs("-s", path)


def test_hard_links_are_one_file(build: BuildInput, tmp_path: Path) -> None:
    both = image(replace(build, rootfs=of(*ENTRIES)), tmp_path)
    (tmp_path / "out").mkdir()
    unsquashfs("-quiet", "-no-progress", "-dest", tmp_path / "out" / "root", both, "etc/name", "etc/other")
    assert (tmp_path / "out/root/etc/name").samefile(tmp_path / "out/root/etc/other")


def test_the_root_directory_belongs_to_nobody_else(build: BuildInput, tmp_path: Path) -> None:
    assert listing(image(build, tmp_path))[""][:2] == ["drwxr-xr-x", "0/0"]


def test_the_mode_of_the_root_directory_is_kept(build: BuildInput, tmp_path: Path) -> None:
    root = of(folder(".", mode=0o700), file("a"))
    assert listing(image(replace(build, rootfs=root), tmp_path))[""][:2] == ["drwx------", "0/0"]


def test_what_the_program_makes_up_is_as_old_as_the_epoch(build: BuildInput, tmp_path: Path) -> None:
    path = image(replace(build, rootfs=of(*ENTRIES), epoch=NEW), tmp_path)
    assert listing(path)[""][3:] == ["2023-11-14", "22:13"]
    assert "time Tue Nov 14 22:13:20 2023" in unsquashfs("-s", path)


def test_times_out_of_range_are_cut(build: BuildInput, tmp_path: Path) -> None:
    late, early = file("late", mtime_ns=(1 << 33) * SECOND), file("early", mtime_ns=-SECOND)
    found = listing(image(replace(build, rootfs=of(late, early)), tmp_path))
    assert (found["late"][3], found["early"][3]) == ("2106-02-07", "1970-01-01")


@pytest.mark.parametrize("count", [*range(253, 259), 2000])
def test_the_root_directory_is_found_behind_many_inodes(build: BuildInput, tmp_path: Path, count: int) -> None:
    """With 32 bytes an inode, those of the root and its time come to lie at, and across, the end of a block."""
    many = of(*(file(f"f{number:04}", mtime_ns=0) for number in range(count)))
    found = listing(image(replace(build, rootfs=many), tmp_path))
    assert found.pop("")[3:] == ["2017-04-18", "16:30"]
    assert {tuple(row[3:]) for row in found.values()} == {("1970-01-01", "00:00")}


def test_neither_clock_nor_environment_changes_it(
    build: BuildInput, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = made(build)
    for name, value in {"TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1", "LC_ALL": "de_DE.UTF-8", "USER": "x"}.items():
        monkeypatch.setenv(name, value)
    assert made(replace(build, cache_dir=tmp_path / "else")) == first


def test_it_is_compressed_with_zstd(build: BuildInput, tmp_path: Path) -> None:
    assert "Compression zstd" in unsquashfs("-s", image(build, tmp_path))
