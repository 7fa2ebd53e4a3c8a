"""The header of a GPT, apart from the disks around it; tests/disk/test_gpt.py has other programs judge it."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.disk.gpt_header import ENTRY, GptHeader, WrongChecksum, read_header

SECTORS = st.integers(0, (1 << 64) - 1)
NUMBERS = st.integers(0, (1 << 32) - 1)
HEADER = GptHeader(1, 99, 34, 66, b"0123456789abcdef", 2, 128, 128, zlib.crc32(b"entries"))


@pytest.mark.parametrize("sector_size", [512, 4096])
@given(st.tuples(SECTORS, SECTORS, SECTORS, SECTORS, st.binary(min_size=16, max_size=16), SECTORS, *[NUMBERS] * 3))
def test_what_is_packed_is_read_again(
    sector_size: int, fields: tuple[int, int, int, int, bytes, int, int, int, int]
) -> None:
    header = GptHeader(*fields)
    data = header.pack(sector_size)
    assert len(data) == sector_size
    assert read_header(data, header.sector) == header


@given(st.integers(0, 91), st.integers(1, 255))
def test_a_changed_byte_is_noticed(offset: int, mask: int) -> None:
    data = bytearray(HEADER.pack(512))
    data[offset] ^= mask
    with suppress(WrongChecksum):
        assert read_header(bytes(data), 1) is None


def resized(size: int) -> bytes:
    """A header that says that it is larger or smaller, with a right checksum."""
    data = bytearray(HEADER.pack(512))
    struct.pack_into("<II", data, 12, size, 0)
    struct.pack_into("<I", data, 16, zlib.crc32(data[:size]))
    return bytes(data)


@pytest.mark.parametrize(("size", "is_header"), [(91, False), (92, True), (512, True), (513, False), (1 << 31, False)])
def test_a_header_fills_at_most_its_sector(size: int, is_header: bool) -> None:
    assert (read_header(resized(size), 1) == HEADER) == is_header


def test_a_header_belongs_to_one_sector() -> None:
    assert read_header(HEADER.pack(512), 2) is None


@pytest.mark.parametrize(
    ("count", "size", "total"),
    [
        (128, 128, 16384),
        (4, 512, 2048),
        (8192, 128, 1 << 20),
        (8193, 128, 0),
        (0, 128, 0),
        (128, 127, 0),
        (1, (1 << 20) + 1, 0),
    ],
)
def test_entries_of_impossible_sizes_have_none(count: int, size: int, total: int) -> None:
    assert replace(HEADER, entry_count=count, entry_size=size).entries_size == total


def test_entries_are_known_by_their_checksum() -> None:
    assert HEADER.matches(b"entries")
    assert not HEADER.matches(b"entry")


def test_an_entry_has_128_bytes() -> None:
    assert ENTRY.size == 128
