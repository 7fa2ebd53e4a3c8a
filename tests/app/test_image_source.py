"""What a source is: a config, an image, or nothing to write."""

from __future__ import annotations

import gzip
import os
import stat
from typing import TYPE_CHECKING

import pytest
from support.cards import card_image
from support.jobs import RecordingJob
from support.loops import run, sparse_file
from support.maps import MIB
from support.tools import need

from lkboard.app.image_source import check_image, compression_of, is_config, is_text, unpack
from lkboard.errors import BuildError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sshd.yml", True),
        ("a/b.yaml", True),
        ("-", True),
        ("https://example.com/x.yml", True),
        ("https://example.com/x.yml?raw=1", True),
        ("https://example.com/configs/x", True),
        ("card.img", False),
        ("card.yml.img", False),
        ("x.yml?raw=1", False),
    ],
)
def test_configs_are_known_by_their_names(source: str, *, expected: bool) -> None:
    assert is_config(source) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"kernel: {image: x}\n", True),
        ("é".encode() * 40_000, True),
        ("xé".encode() * 40_000, True),
        (b"", False),
        (b"\xff", False),
        (bytes(600), False),
        (b"070701" + b"0" * 104 + b"a\0", False),
        (gzip.compress(b"text"), False),
    ],
)
def test_configs_of_other_names_are_text(tmp_path: Path, data: bytes, *, expected: bool) -> None:
    (tmp_path / "x").write_bytes(data)
    assert is_text(tmp_path / "x") == expected


@pytest.mark.parametrize("table", ["dos", "gpt"])
def test_a_disk_image_is_accepted(tmp_path: Path, table: str) -> None:
    check_image(card_image(tmp_path / "card", table=table), shown_as="card")


def test_a_file_system_without_a_table_is_accepted(tmp_path: Path) -> None:
    need("mkfs.ext4")
    run("mkfs.ext4", "-q", str(sparse_file(tmp_path / "image", 4 * MIB)))
    check_image(tmp_path / "image", shown_as="image")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"kernel:\n  image: x\n", "this is not a disk image"),
        (b"", "the image is empty"),
        (bytes(MIB), "this is not a disk image"),
        (b"QFI\xfb" + bytes(600), r"this is a qcow2 disk.*convert it: qemu-img convert -O raw card card\.raw"),
        (b"PK\x03\x04" + bytes(600), r"this is a zip archive.*unpack it: unzip card"),
        (b"BZh91AY" + bytes(600), "this is compressed with bzip2"),
        (bytes(257) + b"ustar\x0000" + bytes(600), "this is a tar archive"),
    ],
)
def test_other_files_are_refused_with_the_way_out(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "card").write_bytes(data)
    with pytest.raises(UsageError, match=message):
        check_image(tmp_path / "card", shown_as="card")


def test_a_missing_image(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such image"):
        compression_of(tmp_path / "gone")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this is a folder, not an image file"):
        compression_of(tmp_path)


@pytest.mark.device
def test_a_device_is_refused_with_the_way_to_a_file(tmp_path: Path) -> None:
    os.mknod(tmp_path / "my card", stat.S_IFBLK | 0o600, os.makedev(7, 250))
    with pytest.raises(UsageError, match=r"this is a device, not an image file \(copy .* dd if='.*/my card' of=card"):
        compression_of(tmp_path / "my card")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="this is neither a file nor a folder"):
        compression_of(tmp_path / "pipe")


def test_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "card").symlink_to("card")
    with pytest.raises(BuildError, match="the image cannot be read: Too many levels of symbolic links"):
        compression_of(tmp_path / "card")


def test_anything_but_nothing_is_an_image_of_any_kind(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"firmware")
    check_image(tmp_path / "blob", shown_as="blob", any_kind=True)
    (tmp_path / "blob").write_bytes(b"")
    with pytest.raises(UsageError, match="the image is empty"):
        check_image(tmp_path / "blob", shown_as="blob", any_kind=True)


def test_a_raw_image_is_used_where_it_is(tmp_path: Path) -> None:
    job = RecordingJob()
    path = card_image(tmp_path / "card")
    assert unpack(path, tmp_path, job) == path
    assert job.events == []


def test_a_compressed_image_is_unpacked(tmp_path: Path) -> None:
    path = card_image(tmp_path / "card")
    run("gzip", "-1", "--keep", str(path))
    (tmp_path / "scratch").mkdir()
    unpacked = unpack(tmp_path / "card.gz", tmp_path / "scratch", RecordingJob())
    assert unpacked.read_bytes() == path.read_bytes()
