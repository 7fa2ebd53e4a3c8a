from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.layouts import BASIC_DATA, ESP, MIB, gpt_disk, mbr_disk, partition
from support.plans import save
from support.tools import need

from lkboard.disk import gpt, image
from lkboard.disk.inspect import FoundPartition, partitions
from lkboard.errors import DiskInvalid

if TYPE_CHECKING:
    from pathlib import Path

TOTAL = 10240
GPT = gpt_disk(
    TOTAL, partition(1, 2048, 4096, ESP, name="EFI System"), partition(3, 6144, 2048, BASIC_DATA, name="Däta")
)
MBR = mbr_disk(TOTAL, partition(1, 2048, 4096, "0c", is_active=True), partition(2, 6144, 4096, "83"))


def damaged(path: Path, offset: int, data: bytes = b"\xff") -> Path:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
    return path


def test_partitions_of_a_gpt(tmp_path: Path) -> None:
    assert partitions(save(image.plan(GPT), tmp_path / "disk.img")) == (
        FoundPartition(1, MIB, 2 * MIB, ESP, "EFI System"),
        FoundPartition(3, 3 * MIB, MIB, BASIC_DATA, "Däta"),
    )


def test_partitions_of_an_mbr(tmp_path: Path) -> None:
    assert partitions(save(image.plan(MBR), tmp_path / "disk.img")) == (
        FoundPartition(1, MIB, 2 * MIB, "0c"),
        FoundPartition(2, 3 * MIB, 2 * MIB, "83"),
    )


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_partitions_that_sfdisk_made(tmp_path: Path, label: str) -> None:
    need("sfdisk")
    path = tmp_path / "disk.img"
    path.write_bytes(b"")
    with path.open("r+b") as file:
        file.truncate(64 * MIB)
    script = f"label: {label}\nstart=2048, size=20480\nstart=30720, size=40960\n"
    subprocess.run(["sfdisk", "-q", str(path)], input=script.encode(), check=True)
    assert [(found.number, found.start_bytes, found.size_bytes) for found in partitions(path)] == [
        (1, MIB, 10 * MIB),
        (2, 15 * MIB, 20 * MIB),
    ]


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (512, "has no partition table (GPT) in sector 1"),
        (512 + 40, "has a damaged partition table (GPT header in sector 1: wrong checksum)"),
        (512 + 16, "has a damaged partition table (GPT header in sector 1: wrong checksum)"),
        (1024 + 56, "has a damaged partition table (GPT header in sector 1: wrong entries)"),
        ((TOTAL - 1) * 512, f"has no partition table (GPT) in sector {TOTAL - 1}"),
        ((TOTAL - 1) * 512 + 56, f"has a damaged partition table (GPT header in sector {TOTAL - 1}: wrong checksum)"),
        ((TOTAL - 33) * 512, f"has a damaged partition table (GPT header in sector {TOTAL - 1}: wrong entries)"),
    ],
)
def test_every_damage_of_a_gpt_is_found(tmp_path: Path, offset: int, message: str) -> None:
    path = damaged(save(image.plan(GPT), tmp_path / "disk.img"), offset)
    with pytest.raises(DiskInvalid) as caught:
        partitions(path)
    assert str(caught.value) == f"{path}: {message} (build or download the image again)"


def test_a_backup_of_another_table_is_found(tmp_path: Path) -> None:
    path = save(image.plan(GPT), tmp_path / "disk.img")
    other = save(image.plan(gpt_disk(TOTAL, partition(1, 4096, 2048, ESP))), tmp_path / "other.img")
    tail = other.read_bytes()[-33 * 512 :]
    with pytest.raises(DiskInvalid, match=r"two partition tables \(GPT\) that differ"):
        partitions(damaged(path, (TOTAL - 33) * 512, tail))


def test_a_backup_that_belongs_elsewhere_is_found(tmp_path: Path) -> None:
    path = save(image.plan(GPT), tmp_path / "disk.img")
    last = TOTAL - 1
    strange = gpt._header(GPT, gpt._entries(GPT), sector=last, other=7, entries_sector=last - 32)
    with pytest.raises(DiskInvalid, match=r"two partition tables \(GPT\) that differ"):
        partitions(damaged(path, last * 512, strange))


@pytest.mark.parametrize(("other", "entries_sector"), [(1 << 60, 2), ((1 << 64) - 1, 2), (TOTAL - 1, (1 << 64) - 1)])
def test_a_header_that_points_far_away_is_found(tmp_path: Path, other: int, entries_sector: int) -> None:
    path = save(image.plan(GPT), tmp_path / "disk.img")
    strange = gpt._header(GPT, gpt._entries(GPT), sector=1, other=other, entries_sector=entries_sector)
    with pytest.raises(DiskInvalid, match="is too short for its partition table"):
        partitions(damaged(path, 512, strange))


@pytest.mark.parametrize(("first", "last"), [(2048, 2000), (0, (1 << 64) - 1)])
def test_a_partition_of_an_impossible_size_is_found(tmp_path: Path, first: int, last: int) -> None:
    path, end = save(image.plan(GPT), tmp_path / "disk.img"), TOTAL - 1
    entries = bytearray(gpt._entries(GPT))
    struct.pack_into("<QQ", entries, 32, first, last)
    damaged(path, 1024, entries)
    damaged(path, (end - 32) * 512, entries)
    damaged(path, 512, gpt._header(GPT, bytes(entries), sector=1, other=end, entries_sector=2))
    damaged(path, end * 512, gpt._header(GPT, bytes(entries), sector=end, other=1, entries_sector=end - 32))
    with pytest.raises(DiskInvalid, match=r"partition table \(GPT\) whose partition 1 makes no sense"):
        partitions(path)


def test_an_image_that_was_cut_off_is_found(tmp_path: Path) -> None:
    path = save(image.plan(GPT), tmp_path / "disk.img")
    with path.open("r+b") as file:
        file.truncate(4 * MIB)
    with pytest.raises(DiskInvalid, match="is too short for its partition table"):
        partitions(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"\0" * 4096, b"#!/bin/sh\n" * 500, b"\0" * 510 + b"\x55\xaa", b"\xeb" * 510 + b"\x55\xaa"],
    ids=["empty", "short", "zeros", "text", "signature only", "boot sector"],
)
def test_a_file_without_a_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DiskInvalid, match="has no partition table"):
        partitions(path)


def test_a_bare_file_system_has_no_partitions(tmp_path: Path) -> None:
    need("mkfs.fat")
    path = tmp_path / "fat.img"
    subprocess.run(["mkfs.fat", "-C", str(path), "65536"], check=True, capture_output=True)
    with pytest.raises(DiskInvalid, match="has no partition table"):
        partitions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskInvalid, match=r"gone\.img: cannot be read: No such file"):
        partitions(tmp_path / "gone.img")
