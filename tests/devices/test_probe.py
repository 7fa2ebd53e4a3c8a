"""File systems by their magic numbers; blkid and the programs that made them are the judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.loops import run, sparse_file
from support.tools import need

from lkboard.devices.probe import identify, probe

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 160 << 20


@pytest.mark.parametrize(
    ("command", "filesystem", "label"),
    [
        (["mkfs.vfat", "-F", "32", "-n", "MY BOOT"], "vfat", "MY BOOT"),
        (["mkfs.vfat", "-F", "16", "-n", "SMALL"], "vfat", "SMALL"),
        (["mkfs.ext4", "-q", "-L", "rootfs"], "ext4", "rootfs"),
        (["mkfs.ext2", "-q", "-L", "old"], "ext4", "old"),
        (["mkswap", "-L", "swap0"], "swap", "swap0"),
    ],
)
def test_what_mkfs_made(tmp_path: Path, command: list[str], filesystem: str, label: str) -> None:
    need(command[0])
    path = sparse_file(tmp_path / "volume", SIZE)
    run(*command, str(path))
    assert probe(path) == (filesystem, label)


def test_blkid_agrees_on_a_fat(tmp_path: Path) -> None:
    need("mkfs.vfat", "blkid")
    path = sparse_file(tmp_path / "volume", SIZE)
    run("mkfs.vfat", "-n", "BOOT", str(path))
    assert probe(path) == (run("blkid", "-po", "value", "-s", "TYPE", str(path)).strip(), "BOOT")


def test_squashfs(tmp_path: Path) -> None:
    need("mksquashfs")
    (tmp_path / "tree").mkdir()
    run("mksquashfs", str(tmp_path / "tree"), str(tmp_path / "volume"), "-quiet")
    assert probe(tmp_path / "volume") == ("squashfs", "")


def test_iso(tmp_path: Path) -> None:
    need("xorriso")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text("text")
    run("xorriso", "-outdev", str(tmp_path / "volume"), "-volid", "LIVE", "-map", str(tmp_path / "tree"), "/")
    assert probe(tmp_path / "volume") == ("iso9660", "LIVE")


@pytest.mark.parametrize(
    ("offset", "magic", "filesystem"),
    [
        (0, b"LUKS\xba\xbe\0\2", "crypto_LUKS"),
        (0x218, b"LVM2 001", "LVM2_member"),
        (0x1000, b"\xfc\x4e\x2b\xa9\1\0\0\0", "linux_raid_member"),
        (0x10040, b"_BHRfS_M", "btrfs"),
        (0, b"XFSB", "xfs"),
        (3, b"NTFS    ", "ntfs"),
        (3, b"EXFAT   ", "exfat"),
        (0x400, b"\xe2\xe1\xf5\xe0", "erofs"),
    ],
)
def test_formats_without_a_program_here(offset: int, magic: bytes, filesystem: str) -> None:
    data = bytearray(0x11000)
    data[offset : offset + len(magic)] = magic
    assert identify(bytes(data)) == (filesystem, "")


def test_a_container_hides_what_is_left_inside_it() -> None:
    data = bytearray(0x11000)
    data[0x438:0x43A] = b"\x53\xef"
    data[:6] = b"LUKS\xba\xbe"
    assert identify(bytes(data)) == ("crypto_LUKS", "")


def test_a_place_inside_an_image(tmp_path: Path) -> None:
    need("mkfs.vfat")
    path = sparse_file(tmp_path / "image", SIZE)
    run("mkfs.vfat", "--offset", "2048", str(path), str((SIZE >> 10) - 1024))
    assert probe(path, 1 << 20)[0] == "vfat"
    assert probe(path)[0] == ""


@pytest.mark.parametrize("data", [b"", b"\0", bytes(0x11000), b"text\n" * 20000])
def test_nothing_known(data: bytes) -> None:
    assert identify(data) == ("", "")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert probe(tmp_path / "gone") == ("", "")
    assert probe(tmp_path) == ("", "")
