from __future__ import annotations

import struct
import uuid
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layouts import BASIC_DATA, ESP, gpt_disk, partition
from support.plans import save
from support.tables import sfdisk, sgdisk

from lkboard.disk import gpt, image
from lkboard.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.disk import Partition

TWO = (partition(1, 2048, 4096, ESP, name="EFI System", is_active=True), partition(2, 6144, 2048, BASIC_DATA))
TOTAL = 10240


@st.composite
def partition_lists(draw: st.DrawFn) -> tuple[Partition, ...]:
    partitions = []
    start = 34
    for number in range(1, draw(st.integers(1, 6)) + 1):
        start += draw(st.integers(0, 100))
        size = draw(st.integers(1, 5000))
        name = draw(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=18))
        partitions.append(partition(number, start, size, draw(st.sampled_from([ESP, BASIC_DATA])), name=name))
        start += size
    return tuple(partitions)


def test_sgdisk_finds_no_problems(tmp_path: Path) -> None:
    assert "No problems found" in sgdisk(save(image.plan(gpt_disk(TOTAL, *TWO)), tmp_path / "disk.img"), "-v")


def test_sfdisk_reads_it(tmp_path: Path) -> None:
    found = sfdisk(save(image.plan(gpt_disk(TOTAL, *TWO)), tmp_path / "disk.img"))
    assert (found["label"], found["id"]) == ("gpt", "12345678-9ABC-5DEF-8123-456789ABCDEF")
    assert (found["firstlba"], found["lastlba"]) == (34, TOTAL - 34)
    first, second = found["partitions"]
    assert (first["start"], first["size"], first["type"], first["name"]) == (2048, 4096, ESP, "EFI System")
    assert first["uuid"] == "00000000-0000-5000-8000-000000000001"
    assert first["attrs"] == "LegacyBIOSBootable"
    assert "attrs" not in second


@given(partition_lists())
def test_any_partitions_come_back(tmp_path_factory: pytest.TempPathFactory, partitions: tuple[Partition, ...]) -> None:
    total = partitions[-1].start_sector + partitions[-1].size_sectors + 33
    path = save(image.plan(gpt_disk(total, *partitions)), tmp_path_factory.mktemp("gpt") / "disk.img")
    assert "No problems found" in sgdisk(path, "-v")
    found = sfdisk(path)["partitions"]
    assert [(part["start"], part["size"], part["type"], part["name"]) for part in found] == [
        (part.start_sector, part.size_sectors, part.type, part.name) for part in partitions
    ]


def test_the_header_is_as_specified() -> None:
    primary = gpt.primary(gpt_disk(TOTAL, *TWO))
    header, entries = primary[:512], primary[512:]
    assert header[:16] == b"EFI PART\0\0\1\0\x5c\0\0\0"
    assert struct.unpack_from("<QQQQ", header, 24) == (1, TOTAL - 1, 34, TOTAL - 34)
    assert header[56:72] == uuid.UUID("12345678-9ABC-5DEF-8123-456789ABCDEF").bytes_le
    assert struct.unpack_from("<QIII", header, 72) == (2, 128, 128, zlib.crc32(entries))
    assert not any(header[92:])


def test_both_headers_have_right_checksums() -> None:
    layout = gpt_disk(TOTAL, *TWO)
    for header in (gpt.primary(layout)[:512], gpt.backup(layout)[-512:]):
        stored = int.from_bytes(header[16:20], "little")
        assert zlib.crc32(header[:16] + bytes(4) + header[20:92]) == stored


def test_the_backup_mirrors_the_primary() -> None:
    layout = gpt_disk(TOTAL, *TWO)
    backup = gpt.backup(layout)
    assert len(backup) == 33 * 512
    assert backup[:-512] == gpt.primary(layout)[512:]
    assert struct.unpack_from("<QQ", backup, 32 * 512 + 24) == (TOTAL - 1, 1)
    assert struct.unpack_from("<Q", backup, 32 * 512 + 72) == (TOTAL - 33,)


def test_the_backup_alone_is_enough_to_find_the_partitions(tmp_path: Path) -> None:
    path = save(image.plan(gpt_disk(TOTAL, *TWO)), tmp_path / "disk.img")
    with path.open("r+b") as file:
        file.seek(512)
        file.write(bytes(33 * 512))
    assert "Partition name: 'EFI System'" in sgdisk(path, "-i", "1")


def test_a_name_that_is_too_long_is_refused() -> None:
    assert gpt.primary(gpt_disk(TOTAL, partition(1, 2048, 1, ESP, name="n" * 36)))
    with pytest.raises(BuildError, match=r"partition name 'n{37}' has more than 36 characters"):
        gpt.primary(gpt_disk(TOTAL, partition(1, 2048, 1, ESP, name="n" * 37)))
