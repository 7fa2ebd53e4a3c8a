from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.rootfs.json_text import encode_json, without_empty


def test_the_text_is_indented_by_four_and_has_no_last_newline() -> None:
    value = {"b": [1, {"c": "d"}], "a": [], "e": {}}
    assert encode_json(value) == (
        b'{\n    "b": [\n        1,\n        {\n            "c": "d"\n        }\n    ],\n    "a": [],\n    "e": {}\n}'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<a&b>", rb'"\u003ca\u0026b\u003e"'),
        ("\u2028\u2029", rb'"\u2028\u2029"'),
        ('\b\f\n\r\t"\\', rb'"\b\f\n\r\t\"\\"'),
        ("\x00\x1f", rb'"\u0000\u001f"'),
        ("\x7fü文", '"\x7fü文"'.encode()),
    ],
)
def test_characters_are_escaped_as_go_does(text: str, written: bytes) -> None:
    assert encode_json(text) == written


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text("abc", max_size=3), children, max_size=3),
    max_leaves=10,
)


@given(values)
def test_every_reader_gets_back_what_was_written(value: object) -> None:
    assert json.loads(encode_json(value)) == value


def test_only_what_says_nothing_is_left_out() -> None:
    members = {"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False, "g": " ", "h": [""]}
    assert without_empty(members) == {"e": 0, "f": False, "g": " ", "h": [""]}
