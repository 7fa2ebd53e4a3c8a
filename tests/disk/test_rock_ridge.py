from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import device, file

from lkboard.disk import rock_ridge
from lkboard.model.rootfs import Kind


def test_every_entry_says_its_length_and_version() -> None:
    entries = [
        rock_ridge.START,
        rock_ridge.extension(),
        *rock_ridge.attributes(device("d", Kind.CHAR, 1, 3), links=1, serial=9),
        *rock_ridge.name(b"n" * 600),
        *rock_ridge.target(b"/t" * 600),
        rock_ridge.continuation(1, 2, 3),
    ]
    assert [(entry[2], entry[3]) for entry in entries] == [(len(entry), 1) for entry in entries]


def test_numbers_are_in_both_byte_orders() -> None:
    (attributes,) = rock_ridge.attributes(file("f", mode=0o644, uid=1, gid=2), links=3, serial=4)
    little, big = (struct.unpack(order, attributes[4:]) for order in ("<10I", ">10I"))
    assert little[::2] == big[1::2] == (0o100644, 3, 1, 2, 4)


@pytest.mark.parametrize(
    ("number", "words"),
    [((1, 3), (0, 0x103)), ((259, 7), (0, 0x10307)), ((259, 300), (259, 300)), ((0, 5), (0, 5))],
)
def test_a_device_number_is_one_that_linux_reads(number: tuple[int, int], words: tuple[int, int]) -> None:
    """The same rule as in fs/isofs/rock.c."""
    _attributes, found = rock_ridge.attributes(device("d", Kind.BLOCK, *number), links=1, serial=1)
    high, low = struct.unpack("<I4xI", found[4:16])
    assert (high, low) == words
    assert number == ((low >> 8, low & 0xFF) if low & ~0xFF and not high else (high, low))


@given(st.lists(st.binary(min_size=4, max_size=255), min_size=1), st.integers(255 + 28, 2048))
def test_what_is_split_is_all_there_and_fits(entries: list[bytes], room: int) -> None:
    taken, rest = rock_ridge.split(entries, room)
    assert taken + b"".join(rest) == b"".join(entries)
    assert taken
    assert len(taken) + (rock_ridge.CONTINUATION_SIZE if rest else 0) <= room
