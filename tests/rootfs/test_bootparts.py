from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.entries import file, folder, hard_link, symlink
from support.jobs import RecordingJob
from support.roots import CMDLINE, IMAGE, rootfs

from lkboard.disk.content import read
from lkboard.model.extents import EMPTY
from lkboard.model.rootfs import EPOCH, Entry, Kind, Rootfs, Segment
from lkboard.rootfs.bootparts import boot_parts, kernel_file, split

if TYPE_CHECKING:
    from pathlib import Path


def root(*entries: Entry) -> Rootfs:
    return Rootfs((Segment("kernel", entries),))


def rest(*entries: Entry) -> list[Entry]:
    return list(split(root(*entries))[1].entries)


def test_kernel_command_line_and_microcode_are_taken_out() -> None:
    parts, left = split(rootfs(microcode=b"ucode"))
    assert parts.kernel is not None
    assert parts.microcode is not None
    assert (read(parts.kernel), parts.cmdline, read(parts.microcode)) == (IMAGE, CMDLINE, b"ucode")
    assert parts.initrd == EMPTY
    assert [entry.path for entry in left.entries] == [
        "boot",
        "lib",
        "lib/module.ko",
        "bin",
        "bin/sh",
        "bin/ash",
        "init",
    ]


def test_without_a_kernel_there_is_nothing_to_take_out() -> None:
    whole = rootfs(kernel=None)
    parts, left = split(whole)
    assert (parts.kernel, parts.cmdline, parts.microcode) == (None, "", None)
    assert left.entries == whole.entries


def test_nothing_else_below_boot_reaches_the_initrd() -> None:
    left = rest(folder("boot"), folder("boot/dtb"), file("boot/dtb/x.dtb"), file("boot2"), symlink("boot/l", "x"))
    assert [entry.path for entry in left] == ["boot", "boot2"]


def test_with_a_kernel_boot_is_an_empty_directory_of_our_own() -> None:
    made = file("boot/cmdline", b"x", mtime_ns=EPOCH)
    (boot,) = rest(folder("boot", mode=0o700, uid=5, mtime_ns=1), made)
    assert (boot.mode, boot.uid, boot.mtime_ns) == (0o755, 0, EPOCH)
    (boot,) = rest(folder("boot", mode=0o700, uid=5, mtime_ns=1))
    assert (boot.mode, boot.uid, boot.mtime_ns) == (0o700, 5, 1)


def test_a_file_outlives_its_name_below_boot() -> None:
    left = rest(
        folder("boot"),
        file("boot/vmlinuz", b"kernel", mode=0o600),
        hard_link("vmlinuz", "boot/vmlinuz"),
        hard_link("boot/old", "boot/vmlinuz"),
        hard_link("vmlinuz.old", "boot/vmlinuz"),
    )
    assert [(entry.path, entry.kind, entry.link) for entry in left[1:]] == [
        ("vmlinuz", Kind.FILE, ""),
        ("vmlinuz.old", Kind.HARDLINK, "vmlinuz"),
    ]
    assert (read(left[1].content), left[1].mode) == (b"kernel", 0o600)


def test_segments_that_become_empty_are_left_out() -> None:
    both = Rootfs((Segment("kernel", (file("boot/kernel"),)), Segment("init", (file("init"),))))
    assert [segment.name for segment in split(both)[1].segments] == ["init"]


@pytest.mark.parametrize("path", ["boot/dtb/x.dtb", "/boot/dtb/x.dtb", "./boot/dtb/x.dtb", "boot/dtb/same.dtb"])
def test_files_of_the_kernel_can_be_read(path: str) -> None:
    tree = root(file("boot/dtb/x.dtb", b"tree"), hard_link("boot/dtb/same.dtb", "boot/dtb/x.dtb"))
    content = kernel_file(tree, path)
    assert content is not None
    assert read(content) == b"tree"


@pytest.mark.parametrize("path", ["boot/dtb/none.dtb", "boot/dtb", "boot/link", "../boot/x"])
def test_what_is_no_file_of_the_kernel_is_none(path: str) -> None:
    assert kernel_file(root(folder("boot/dtb"), symlink("boot/link", "dtb")), path) is None


def test_boot_parts_have_an_initrd(tmp_path: Path) -> None:
    parts = boot_parts(rootfs(), tmp_path, RecordingJob())
    assert read(parts.initrd).startswith(b"\x1f\x8b")
    assert parts.cmdline == CMDLINE


def test_a_command_line_that_is_no_text_is_kept() -> None:
    parts, _left = split(root(file("boot/cmdline", b"a=\xff")))
    assert parts.cmdline.encode("utf-8", "surrogateescape") == b"a=\xff"
