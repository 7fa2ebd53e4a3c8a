from __future__ import annotations

import gzip
import threading
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip

from lkboard.disk.compress import gzip_member


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
