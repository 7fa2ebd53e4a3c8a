from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.artifacts import BOARDS
from support.entries import file, folder
from support.newc import members
from support.plans import map_bytes
from support.roots import CMDLINE, DISK_SIZE, IMAGE, SYSTEM, build_input, rootfs
from support.tools import need

from lkboard.formats import catalogue
from lkboard.model.rootfs import EPOCH, Rootfs, Segment

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput

MICROCODE = b"070701" + b"microcode" * 100
FORMATS = catalogue()


def small(name: str, cache: Path, root: Rootfs) -> BuildInput:
    """Return what a format is made from, with small disks."""
    return build_input(cache, root, BOARDS.get(name), size_bytes=DISK_SIZE)


def outputs(name: str, build: BuildInput) -> dict[str, bytes]:
    return {planned.suffix: map_bytes(planned.extents) for planned in FORMATS[name].plan(build)}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "cache"
    path.mkdir()
    return path


@pytest.mark.parametrize("name", sorted(FORMATS))
class TestEachFormat:
    def test_two_builds_are_the_same_bytes(self, name: str, tmp_path: Path) -> None:
        builds = []
        for place in ("one", "two"):
            (tmp_path / place).mkdir()
            builds.append(outputs(name, small(name, tmp_path / place, rootfs())))
        assert builds[0] == builds[1]

    def test_a_build_from_a_warm_cache_is_the_same(self, name: str, cache: Path) -> None:
        build = small(name, cache, rootfs())
        assert outputs(name, build) == outputs(name, build)

    def test_it_makes_the_files_it_says(self, name: str, cache: Path) -> None:
        made = outputs(name, small(name, cache, rootfs(microcode=MICROCODE)))
        assert tuple(made) == FORMATS[name].outputs
        assert all(made.values())


def test_what_formats_share_is_the_same_in_all_of_them(cache: Path) -> None:
    need("mksquashfs")
    sharing = [name for name, found in FORMATS.items() if found.shared]
    assert len(sharing) == 4
    made = [outputs(name, build_input(cache, rootfs())) for name in sharing]
    shared = [{suffix: one[suffix] for suffix in FORMATS[name].shared} for name, one in zip(sharing, made, strict=True)]
    assert shared[0] != {}
    assert all(one == shared[0] for one in shared)


class TestTar:
    def test_it_is_the_whole_root_in_order(self, cache: Path) -> None:
        root = rootfs(microcode=MICROCODE)
        data = outputs("tar", build_input(cache, root))[".tar"]
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            assert archive.getnames() == [entry.path for entry in root.entries]

    def test_entries_say_where_they_come_from(self, cache: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(outputs("tar", build_input(cache, rootfs()))[".tar"])) as archive:
            assert archive.getmember("bin/sh").pax_headers == {
                "LINUXKIT.source": "docker.io/library/web:1",
                "LINUXKIT.location": "services[0]",
            }

    def test_folders_that_nothing_describes_are_left_to_who_unpacks_it(self, cache: Path) -> None:
        root = Rootfs((Segment("init", (folder("a", is_implied=True), file("a/b"))),))
        with tarfile.open(fileobj=io.BytesIO(outputs("tar", build_input(cache, root))[".tar"])) as archive:
            assert archive.getnames() == ["a/b"]

    def test_a_root_without_a_kernel_is_fine(self, cache: Path) -> None:
        data = outputs("tar", build_input(cache, rootfs(kernel=None)))[".tar"]
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            assert archive.getnames() == [entry.path for entry in SYSTEM]


class TestKernelInitrd:
    def test_kernel_and_command_line_are_as_given(self, cache: Path) -> None:
        made = outputs("kernel+initrd", build_input(cache, rootfs()))
        assert (made["-kernel"], made["-cmdline"]) == (IMAGE, CMDLINE.encode())

    def test_the_initrd_is_the_root_without_what_the_loader_gets(self, cache: Path) -> None:
        initrd = gzip.decompress(outputs("kernel+initrd", build_input(cache, rootfs()))["-initrd.img"])
        names = [member.name for member in members(initrd)]
        assert names == ["boot", "lib", "lib/module.ko", *(entry.path for entry in SYSTEM)]

    def test_the_initrd_has_every_folder_because_linux_makes_none(self, cache: Path) -> None:
        root = Rootfs((Segment("init", (folder("a", is_implied=True), file("a/b"))),))
        initrd = gzip.decompress(outputs("kernel+initrd", build_input(cache, root))["-initrd.img"])
        assert [(member.name, member.mode) for member in members(initrd)] == [("a", 0o40755), ("a/b", 0o100644)]

    def test_hard_links_stay_hard_links(self, cache: Path) -> None:
        initrd = gzip.decompress(outputs("kernel+initrd", build_input(cache, rootfs()))["-initrd.img"])
        found = {member.name: member for member in members(initrd)}
        assert found["bin/ash"].inode == found["bin/sh"].inode

    def test_microcode_stands_in_front_as_it_is(self, cache: Path) -> None:
        plain = outputs("kernel+initrd", build_input(cache, rootfs()))["-initrd.img"]
        made = outputs("kernel+initrd", build_input(cache, rootfs(microcode=MICROCODE)))["-initrd.img"]
        assert made == MICROCODE + plain

    @pytest.mark.parametrize(
        ("root", "suffixes"),
        [
            (rootfs(kernel=None), ["-initrd.img"]),
            (rootfs(cmdline=""), ["-kernel", "-initrd.img"]),
            (rootfs(kernel=b""), ["-initrd.img", "-cmdline"]),
        ],
        ids=["no kernel", "no command line", "empty kernel"],
    )
    def test_empty_files_are_left_out(self, cache: Path, root: Rootfs, suffixes: list[str]) -> None:
        assert list(outputs("kernel+initrd", build_input(cache, root))) == suffixes

    def test_an_empty_root_is_an_empty_initrd(self, cache: Path) -> None:
        made = outputs("kernel+initrd", build_input(cache, Rootfs(())))
        assert members(gzip.decompress(made["-initrd.img"])) == []


class TestTarKernelInitrd:
    def test_it_holds_the_parts_in_order(self, cache: Path) -> None:
        build = build_input(cache, rootfs(microcode=MICROCODE))
        data = outputs("tar-kernel-initrd", build)["-initrd.tar"]
        parts = outputs("kernel+initrd", build)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found = {member.name: archive.extractfile(member) for member in archive}
            contents = {name: stream.read() for name, stream in found.items() if stream}
        assert contents == {
            "kernel": IMAGE,
            "initrd.img": parts["-initrd.img"].removeprefix(MICROCODE),
            "cmdline": CMDLINE.encode(),
            "ucode.cpio": MICROCODE,
        }
        assert list(contents) == ["kernel", "initrd.img", "cmdline", "ucode.cpio"]

    def test_members_are_plain_files_of_the_epoch(self, cache: Path) -> None:
        data = outputs("tar-kernel-initrd", build_input(cache, rootfs()))["-initrd.tar"]
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                assert (member.mode, member.uid, member.mtime, member.pax_headers) == (0o644, 0, EPOCH, {})

    def test_the_epoch_can_be_another(self, cache: Path) -> None:
        build = replace(build_input(cache, rootfs()), epoch=1700000000)
        with tarfile.open(fileobj=io.BytesIO(outputs("tar-kernel-initrd", build)["-initrd.tar"])) as archive:
            assert {member.mtime for member in archive} == {1700000000}

    def test_what_is_empty_is_left_out(self, cache: Path) -> None:
        data = outputs("tar-kernel-initrd", build_input(cache, rootfs(kernel=None)))["-initrd.tar"]
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            assert archive.getnames() == ["initrd.img"]
