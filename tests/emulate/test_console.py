"""Bytes of a serial port become lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.emulate.console import KEPT_LINES, Console, ConsoleLine


def texts(data: bytes) -> list[str]:
    return [line.text for line in Console().feed(data, 1.0)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"\n\r\n  \nx\n", ["x"]),
        (b"\x1b[1;32mgreen\x1b[0m text\n", ["green text"]),
        (b"\x1b]0;title\x07shown\n", ["shown"]),
        (b"\x1b(B\x1b[?25hshown\n", ["shown"]),
        (b"first\x1b[01;01Hsecond\n", ["first", "second"]),
        (b"old\x1b[2Jnew\n", ["old", "new"]),
        (b"\xff\x00[    0.000000] Booting\n", ["[    0.000000] Booting"]),
        ("grüße\n".encode(), ["grüße"]),
    ],
)
def test_lines_are_readable(data: bytes, expected: list[str]) -> None:
    assert texts(data) == expected


def test_a_prompt_is_an_open_line() -> None:
    assert Console().feed(b"motd\nlogin: ", 2.5) == [
        ConsoleLine(2.5, "motd"),
        ConsoleLine(2.5, "login:", is_open=True),
    ]


def test_a_line_that_comes_in_pieces_grows() -> None:
    console = Console()
    grown = [console.feed(piece, 0.0)[-1] for piece in (b"lkb: ", b"rea", b"dy\n")]
    assert [(line.text, line.is_open) for line in grown] == [("lkb:", True), ("lkb: rea", True), ("lkb: ready", False)]


def test_a_guest_that_never_ends_a_line_does_not_fill_the_memory() -> None:
    console = Console()
    ended = [line for _ in range(20) for line in console.feed(b"x" * 1000, 0.0) if not line.is_open]
    assert [len(line.text) for line in ended] == [9000, 9000]


def test_the_last_lines_are_kept_with_the_open_one() -> None:
    console = Console()
    console.feed(b"".join(b"line %d\n" % number for number in range(KEPT_LINES + 50)) + b"open", 0.0)
    assert console.tail(3) == ("line 248", "line 249", "open")
    assert len(console.tail(10_000)) == KEPT_LINES + 1


@given(st.binary(max_size=200), st.lists(st.integers(1, 20), max_size=30))
def test_where_the_bytes_are_cut_does_not_matter(data: bytes, cuts: list[int]) -> None:
    whole, pieces = Console(), Console()
    whole.feed(data + b"\n", 0.0)
    rest = data + b"\n"
    for cut in cuts:
        pieces.feed(rest[:cut], 0.0)
        rest = rest[cut:]
    pieces.feed(rest, 0.0)
    assert pieces.tail(500) == whole.tail(500)
