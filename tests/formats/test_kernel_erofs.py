"""``kernel+erofs``: what mkfs.erofs is given, and, where a new enough one is installed, what it makes of that."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.entries import device, file, folder, hard_link, symlink
from support.erofs import need_erofs
from support.plans import map_bytes, save
from support.roots import CMDLINE, IMAGE, build_input, rootfs

from lkboard.errors import BuildError
from lkboard.formats import catalogue
from lkboard.model.rootfs import Kind, Rootfs, Segment

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput
    from lkboard.model.rootfs import Entry

SECOND = 1_000_000_000
NEW = 1_700_000_000
ENTRIES = (
    folder("dev"),
    device("dev/null", Kind.CHAR, 1, 3, mode=0o666),
    folder("etc", mode=0o750, uid=3, gid=4),
    file("etc/name", b"text", mode=0o4755, uid=5, gid=60000, mtime_ns=NEW * SECOND),
    file("etc/big", b"x" * 300_000),
    hard_link("etc/other", "etc/name"),
    symlink("etc/link", "name"),
)
STAND_IN = """#!/bin/sh
[ "$1" = --version ] && { echo "mkfs.erofs (erofs-utils) VERSION"; exit; }
printf '%s\\n' "$@" > "$0.arguments"
for output; do :; done
tee "$0.tar" > "$output"
"""


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs())


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> Path:
    """Put a program first in the search path that keeps what it is given."""
    program = folder / "bin" / "mkfs.erofs"
    program.parent.mkdir()
    program.write_text(STAND_IN.replace("VERSION", version))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


def made(build: BuildInput) -> dict[str, bytes]:
    return {planned.suffix: map_bytes(planned.extents) for planned in catalogue()["kernel+erofs"].plan(build)}


def of(*entries: Entry) -> Rootfs:
    return Rootfs((Segment("all", entries),))


class TestWhatTheProgramIsGiven:
    def test_the_root_without_kernel(self, build: BuildInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = stand_in(tmp_path, monkeypatch, "1.8.6")
        files = made(build)
        assert (files["-kernel"], files["-cmdline"].decode()) == (IMAGE, CMDLINE)
        with tarfile.open(f"{program}.tar") as archive:
            names = archive.getnames()
            root = archive.getmember(".")
        assert names == [".", "boot", "lib", "lib/module.ko", "bin", "bin/sh", "bin/ash", "init"]
        assert (root.mode, root.uid, root.mtime) == (0o755, 0, build.epoch)

    def test_the_root_directory_of_an_image_is_kept(
        self, build: BuildInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = stand_in(tmp_path, monkeypatch, "1.8.6")
        made(replace(build, rootfs=of(folder(".", mode=0o700, uid=7), file("a"))))
        with tarfile.open(f"{program}.tar") as archive:
            (root, _file) = archive.getmembers()
        assert (root.name, root.mode, root.uid) == (".", 0o700, 7)

    def test_an_identity_and_a_time_that_do_not_change(
        self, build: BuildInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = stand_in(tmp_path, monkeypatch, "1.8.6")
        seen = []
        for given in (build, build, replace(build, rootfs=of(file("a"))), replace(build, epoch=NEW)):
            made(given)
            seen.append(program.with_name("mkfs.erofs.arguments").read_text().splitlines()[:-1])
        assert seen[0] == seen[1]
        assert seen[0][1] != seen[2][1]
        assert "-T1492533000" in seen[0]
        assert f"-T{NEW}" in seen[3]

    @pytest.mark.parametrize("version", ["1.5", "1.7.1"])
    def test_a_program_that_is_too_old(
        self, build: BuildInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
    ) -> None:
        stand_in(tmp_path, monkeypatch, version)
        with pytest.raises(BuildError, match=f"'mkfs.erofs' is version {version}, which is too old") as caught:
            made(build)
        assert caught.value.hint == "install erofs-utils 1.8 or newer"


class TestWhatItMakes:
    @pytest.fixture
    def image(self, build: BuildInput, tmp_path: Path) -> Path:
        need_erofs()
        plans = catalogue()["kernel+erofs"].plan(replace(build, rootfs=of(*ENTRIES)))
        return save(plans[-1].extents, tmp_path / "image")

    @staticmethod
    def dumped(image: Path, *options: str) -> str:
        environment = {**os.environ, "TZ": "UTC"}
        return subprocess.run(
            ["dump.erofs", *options, image], check=True, capture_output=True, text=True, env=environment
        ).stdout

    def test_its_checker_has_nothing_to_say(self, image: Path) -> None:
        done = subprocess.run(["fsck.erofs", "-d1", image], capture_output=True, text=True, check=True)
        assert done.stdout + done.stderr == ""

    def test_modes_owners_and_times_are_kept(self, image: Path) -> None:
        told = self.dumped(image, "--path=/etc/name")
        for text in ("Links: 2", "Uid: 5   Gid: 60000  Access: 0755", "Timestamp: 2023-11-14 22:13:20"):
            assert text in told
        assert "Uid: 0   Gid: 0  Access: 0755" in self.dumped(image, "--path=/")

    def test_two_runs_give_the_same_bytes(self, image: Path, build: BuildInput) -> None:
        again = made(replace(build, rootfs=of(*ENTRIES)))["-erofs.img"]
        assert again == image.read_bytes()
