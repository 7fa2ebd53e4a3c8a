"""``kernel+erofs``, as a reader of erofs volumes and fsck.erofs see it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.entries import device, file, folder, hard_link, symlink
from support.erofs import Volume, check
from support.jobs import RecordingJob
from support.plans import map_bytes, save
from support.roots import CMDLINE, IMAGE, build_input, rootfs

from lkboard.errors import Cancelled
from lkboard.formats import catalogue
from lkboard.model.rootfs import Kind, Rootfs, Segment

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput

NEW = 1_700_000_000
ENTRIES = (
    folder(".", mode=0o700, uid=7),
    folder("dev", mtime_ns=0),
    device("dev/null", Kind.CHAR, 1, 3, mode=0o666),
    folder("etc", mode=0o750, uid=3, gid=4),
    file("etc/name", b"text", mode=0o4755, uid=5, gid=60000, pax=(("SCHILY.xattr.user.a", b"value"),)),
    hard_link("etc/other", "etc/name"),
    symlink("etc/link", "name"),
)


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs())


def made(build: BuildInput) -> dict[str, bytes]:
    return {planned.suffix: map_bytes(planned.extents) for planned in catalogue()["kernel+erofs"].plan(build)}


def volume(build: BuildInput) -> Volume:
    return Volume(made(build)["-erofs.img"])


def test_kernel_and_command_line_are_beside_it(build: BuildInput) -> None:
    files = made(build)
    assert (files["-kernel"], files["-cmdline"].decode()) == (IMAGE, CMDLINE)


def test_it_holds_the_root_without_kernel(build: BuildInput) -> None:
    found = volume(build).files
    assert set(found) == {"", "bin", "bin/ash", "bin/sh", "boot", "init", "lib", "lib/module.ko"}
    assert found["init"].data == b"bin/sh"


def test_a_config_without_a_kernel_is_only_a_root(build: BuildInput) -> None:
    assert list(made(replace(build, rootfs=rootfs(kernel=None)))) == ["-erofs.img"]


def test_modes_owners_devices_and_attributes_are_kept(build: BuildInput) -> None:
    found = volume(replace(build, rootfs=Rootfs((Segment("all", ENTRIES),)))).files
    assert (found[""].mode, found[""].uid) == (0o40700, 7)
    assert (found["dev/null"].mode, found["dev/null"].device) == (0o20666, 0x103)
    assert (found["etc"].mode, found["etc"].uid, found["etc"].gid) == (0o40750, 3, 4)
    assert found["etc/other"].attributes == {"user.a": b"value"}
    assert (found["etc/other"].mode, found["etc/other"].gid, found["etc/other"].links) == (0o104755, 60000, 2)


def test_its_checker_has_nothing_to_say(build: BuildInput, tmp_path: Path) -> None:
    *_others, planned = catalogue()["kernel+erofs"].plan(replace(build, rootfs=Rootfs((Segment("all", ENTRIES),))))
    check(save(planned.extents, tmp_path / "image"))


def test_what_is_made_up_is_as_old_as_the_epoch(build: BuildInput) -> None:
    found = volume(replace(build, epoch=NEW))
    assert (found.epoch, found.files[""].mtime_ns) == (NEW, NEW * 1_000_000_000)


def test_it_can_be_stopped_while_contents_are_read(build: BuildInput) -> None:
    class Stopped(RecordingJob):
        def check(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        made(replace(build, job=Stopped()))
