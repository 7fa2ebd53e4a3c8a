from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.oci.layers.tar_fields import number, padded, records_of, seconds, text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"000644 \0", 0o644),
        (b"00000644", 0o644),
        (b"7\0junk..", 7),
        (b"\0\0\0\0\0\0\0\0", 0),
        (b"        ", 0),
        (b"\x80\x00\x00\x00\x00\x20\x00\x00", 2097152),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", -1),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xae\x80", -86400),
    ],
)
def test_numbers_are_octal_or_base_256(field: bytes, value: int) -> None:
    assert number(field) == value


@pytest.mark.parametrize("field", [b"0000648\0", b"-000001\0", b"0x00010\0", b"1_000000", b"abcdefg\0"])
def test_what_is_no_number_is_refused(field: bytes) -> None:
    with pytest.raises(ValueError, match=r"no number|invalid literal"):
        number(field)


@given(st.integers(-(1 << 62), (1 << 62) - 1))
def test_base_256_holds_any_size_and_sign(value: int) -> None:
    assert number((value & ((1 << 95) - 1) | 1 << 95).to_bytes(12, "big")) == value


def test_a_text_ends_at_its_nul() -> None:
    assert text(b"name\0rest") == b"name"
    assert text(b"x" * 100) == b"x" * 100


@pytest.mark.parametrize(("size", "blocks"), [(0, 0), (1, 512), (512, 512), (513, 1024)])
def test_data_is_padded_to_blocks(size: int, blocks: int) -> None:
    assert padded(size) == blocks


def test_records_keep_equals_signs_newlines_and_raw_bytes() -> None:
    body = b"12 path=a=b\n10 k=\xff\n\x00z\n8 empt=\n"
    assert records_of(body) == {"path": b"a=b", "k": b"\xff\n\x00z", "empt": b""}


@pytest.mark.parametrize(
    "body",
    [b"12 path", b"x path=a\n", b"9 path=a", b"99 path=a\n", b"0 a=b\n", b"3 a\n", b"11 noequals\n", b"path=a\n"],
)
def test_broken_records_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="broken attribute"):
        records_of(body)


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [
        (b"0", 0),
        (b"1500000000", 1500000000_000000000),
        (b"1500000000.123456789", 1500000000_123456789),
        (b"1500000000.5", 1500000000_500000000),
        (b"1.1234567899", 1_123456789),
        (b"7.", 7_000000000),
        (b"-1.5", -1_500000000),
        (b"-86400", -86400_000000000),
    ],
)
def test_times_have_nanoseconds(value: bytes, nanoseconds: int) -> None:
    assert seconds(value) == nanoseconds


@pytest.mark.parametrize("value", [b"", b"now", b"1e9", b"1,5", b"--1", b"1.-5"])
def test_what_is_no_time_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="no time"):
        seconds(value)
