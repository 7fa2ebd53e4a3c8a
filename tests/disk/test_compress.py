from __future__ import annotations

import gzip
import threading
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip

from lkboard.disk.compress import gzip_member, gzip_part, joined_parts


@given(st.binary(max_size=5000))
def test_members_unpack_with_two_independent_readers(data: bytes) -> None:
    member = gzip_member(data)
    assert gzip.decompress(member) == data
    assert igzip.decompress(member) == data


def test_members_can_be_joined() -> None:
    assert gzip.decompress(gzip_member(b"one") + gzip_member(b"two")) == b"onetwo"


def test_the_header_has_no_time_name_or_extra_field() -> None:
    # RFC 1952: magic, deflate, no flags, no time, fastest algorithm, unknown system
    assert gzip_member(b"data")[:10] == bytes.fromhex("1f8b08 00 00000000 04 ff")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"abc", "1f8b08000000000004ff010300fcff616263c241243503000000"),
        (b"x" * 1000, "1f8b08000000000004ffaba81805a360140c770000e6c9413be8030000"),
    ],
)
def test_the_bytes_are_the_same_everywhere(data: bytes, expected: str) -> None:
    assert gzip_member(data).hex() == expected


def test_it_takes_a_view_of_memory() -> None:
    assert gzip_member(memoryview(b"abcdef")[1:3]) == gzip_member(b"bc")


def test_threads_make_the_same_bytes() -> None:
    data = zlib.compress(bytes(range(256)) * 4000, 0)
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(gzip_member(data))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [gzip_member(data)] * 4


# members that are made in parts


@given(st.lists(st.binary(max_size=3000), max_size=5))
def test_parts_are_one_member_for_two_independent_readers(data: list[bytes]) -> None:
    member = b"".join(joined_parts(gzip_part(piece) for piece in data))
    decompressor = zlib.decompressobj(31)
    assert decompressor.decompress(member) == b"".join(data)
    assert decompressor.eof
    assert decompressor.unused_data == b""
    assert igzip.decompress(member) == b"".join(data)


def test_a_member_of_parts_has_the_same_header_as_any_other() -> None:
    member = b"".join(joined_parts([gzip_part(b"data")]))
    assert member[:10] == gzip_member(b"data")[:10]


def test_a_wrong_part_is_noticed() -> None:
    good, other = gzip_part(b"good"), gzip_part(b"evil")
    with pytest.raises(zlib.error, match="incorrect data check"):
        zlib.decompress(b"".join(joined_parts([replace(good, packed=other.packed)])), 31)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"abc", "1f8b08000000000004ff4a4c4a06000000ffff0300c241243503000000"),
        (b"x" * 1000, "1f8b08000000000004ffaaa81805a360140c7700000000ffff0300e6c9413be8030000"),
    ],
)
def test_the_bytes_of_parts_are_the_same_everywhere(data: bytes, expected: str) -> None:
    assert b"".join(joined_parts([gzip_part(data)])).hex() == expected
