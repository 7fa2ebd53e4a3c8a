"""Names, owners and devices that no file system holds: refused by every format that is one, before programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.entries import device, file
from support.roots import build_input
from support.tools import need

from lkboard.errors import BuildError
from lkboard.formats import catalogue
from lkboard.model.rootfs import Entry, Kind, Origin, Rootfs, Segment

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ["kernel+erofs", "kernel+initrd", "kernel+iso", "kernel+squashfs"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (file("f", uid=1 << 40), "'f' belongs to 1099511627776:0"),
        (file("f", gid=1 << 32), "'f' belongs to 0:4294967296"),
        (device("d", Kind.CHAR, 1 << 24, 0), "'d' is the device 16777216:0"),
    ],
)
def test_they_are_refused_and_never_become_root(name: str, entry: Entry, message: str, tmp_path: Path) -> None:
    build = build_input(tmp_path / "cache", Rootfs((Segment("all", (entry,)),)))
    with pytest.raises(BuildError, match=message):
        catalogue()[name].plan(build)


LONGEST = {"kernel+erofs": 255, "kernel+initrd": 255, "kernel+iso": 253, "kernel+squashfs": 255}


@pytest.mark.parametrize("name", FORMATS)
def test_a_name_that_linux_would_cut_is_refused(name: str, tmp_path: Path) -> None:
    entry = file("n" * (LONGEST[name] + 1), origin=Origin("docker.io/lab/init:v1", "init[0]"))
    build = build_input(tmp_path / "cache", Rootfs((Segment("all", (entry,)),)))
    with pytest.raises(
        BuildError, match=rf"^init\[0\] docker.io/lab/init:v1: 'n+' has a name .* at most {LONGEST[name]}"
    ):
        catalogue()[name].plan(build)


@pytest.mark.parametrize("name", FORMATS)
def test_the_longest_name_is_taken(name: str, tmp_path: Path) -> None:
    need("mksquashfs")
    entry = file("n" * LONGEST[name], b"x")
    assert catalogue()[name].plan(build_input(tmp_path / "cache", Rootfs((Segment("all", (entry,)),))))


@pytest.mark.parametrize("entry", [file("f", uid=1 << 40), file("n" * 256), file("TRAILER!!!")])
def test_an_archive_keeps_them(entry: Entry, tmp_path: Path) -> None:
    build = build_input(tmp_path / "cache", Rootfs((Segment("all", (entry,)),)))
    assert catalogue()["tar"].plan(build)
