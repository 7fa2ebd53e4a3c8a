"""``kernel+iso``, as xorriso reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.discs import extracted_disc, listing
from support.entries import device, file, folder, hard_link, symlink
from support.plans import map_bytes, save
from support.roots import CMDLINE, IMAGE, build_input, rootfs

from lkboard.formats import catalogue
from lkboard.model.rootfs import Kind, Rootfs, Segment

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput

ENTRIES = (
    folder("dev", mtime_ns=0),
    device("dev/null", Kind.CHAR, 1, 3, mode=0o666),
    folder("etc", mode=0o750, uid=3, gid=4),
    file("etc/name", b"text", mode=0o4755, uid=5, gid=60000),
    hard_link("etc/other", "etc/name"),
    symlink("etc/link", "name"),
)


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs())


def image(build: BuildInput, tmp_path: Path) -> Path:
    planned = next(file for file in catalogue()["kernel+iso"].plan(build) if file.suffix == ".iso")
    return save(planned.extents, tmp_path / "x.iso")


def test_kernel_and_command_line_are_beside_it(build: BuildInput) -> None:
    files = {planned.suffix: map_bytes(planned.extents) for planned in catalogue()["kernel+iso"].plan(build)}
    assert (files["-kernel"], files["-cmdline"].decode()) == (IMAGE, CMDLINE)


def test_it_holds_the_root_without_kernel(build: BuildInput, tmp_path: Path) -> None:
    found = listing(image(build, tmp_path))
    assert set(found) == {"", "bin", "bin/ash", "bin/sh", "boot", "init", "lib", "lib/module.ko"}
    assert found["init"][8] == "'bin/sh'"


def test_a_config_without_a_kernel_is_only_a_root(build: BuildInput) -> None:
    plan = catalogue()["kernel+iso"].plan(replace(build, rootfs=rootfs(kernel=None)))
    assert [planned.suffix for planned in plan] == [".iso"]


def test_modes_owners_and_devices_are_kept(build: BuildInput, tmp_path: Path) -> None:
    path = image(replace(build, rootfs=Rootfs((Segment("all", ENTRIES),))), tmp_path)
    found = listing(path)
    assert (found["dev/null"][0], found["dev/null"][4]) == ("crw-rw-rw-", "1,3")
    assert (found["etc"][0], found["etc"][2:4]) == ("drwxr-x---", ["3", "4"])
    assert (found["etc/name"][0], found["etc/name"][2:4]) == ("-rwsr-xr-x", ["5", "60000"])
    assert extracted_disc(path, tmp_path / "out") == {"etc/name": b"text", "etc/other": b"text"}


def test_what_is_made_up_is_as_old_as_the_epoch(build: BuildInput, tmp_path: Path) -> None:
    assert listing(image(replace(build, epoch=1_700_000_000), tmp_path))[""][5:] == ["Nov", "14", "2023"]
