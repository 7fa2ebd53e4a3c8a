from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from support.layouts import mbr_disk, partition
from support.plans import save
from support.tables import sfdisk

from lkboard.disk import image, mbr
from lkboard.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_table_is_made_byte_for_byte() -> None:
    table = mbr.table("deadbeef", [partition(1, 2048, 4096, "0c", is_active=True)])
    entry = b"\x80\xfe\xff\xff" + b"\x0c\xfe\xff\xff" + struct.pack("<II", 2048, 4096)
    assert table == b"\xef\xbe\xad\xde" + bytes(2) + entry + bytes(48) + b"\x55\xaa"


def test_sfdisk_reads_it(tmp_path: Path) -> None:
    layout = mbr_disk(10240, partition(1, 2048, 4096, "0c", is_active=True), partition(2, 6144, 4096, "83"))
    found = sfdisk(save(image.plan(layout), tmp_path / "disk.img"))
    assert (found["label"], found["id"]) == ("dos", "0xdeadbeef")
    assert [
        (part["start"], part["size"], part["type"], part.get("bootable", False)) for part in found["partitions"]
    ] == [
        (2048, 4096, "c", True),
        (6144, 4096, "83", False),
    ]


def test_a_partition_keeps_its_number(tmp_path: Path) -> None:
    found = sfdisk(save(image.plan(mbr_disk(8192, partition(3, 2048, 2048, "83"))), tmp_path / "disk.img"))
    assert [part["node"] for part in found["partitions"]] == [f"{tmp_path / 'disk.img'}3"]


@pytest.mark.parametrize(("total", "size"), [(10240, 10239), (1 << 32, 0xFFFFFFFF), (1 << 40, 0xFFFFFFFF)])
def test_the_protective_table_covers_the_disk(total: int, size: int) -> None:
    entry = mbr.protective(total)[6:22]
    assert entry == b"\0\0\2\0\xee\xff\xff\xff" + struct.pack("<II", 1, size)


def test_a_fifth_partition_is_refused() -> None:
    with pytest.raises(BuildError, match=r"room for four partitions \(use a GPT"):
        mbr.table("0", [partition(5, 2048, 2048, "83")])


def test_a_partition_beyond_2_tib_is_refused() -> None:
    with pytest.raises(BuildError, match="'part 1' ends above 2 TiB"):
        mbr.table("0", [partition(1, (1 << 32) - 1, 2, "83")])
