"""Owners and devices that no file system holds: refused by every format that is one, before a program sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.entries import device, file
from support.roots import build_input

from lkboard.errors import BuildError
from lkboard.formats import catalogue
from lkboard.model.rootfs import Entry, Kind, Rootfs, Segment

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


def test_an_archive_keeps_them(tmp_path: Path) -> None:
    build = build_input(tmp_path / "cache", Rootfs((Segment("all", (file("f", uid=1 << 40),)),)))
    assert catalogue()["tar"].plan(build)
