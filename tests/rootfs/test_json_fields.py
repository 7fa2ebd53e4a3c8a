"""Documents that anybody may have written are read without trusting their shape."""

from __future__ import annotations

import pytest

from lkboard.rootfs.json_fields import items_of, record_of, records_of, text_of, texts_of

ODD = [None, 5, "x", [], {}, True, 1.5]


def test_objects_inside_objects_are_found() -> None:
    document = {"linux": {"seccomp": {"a": 1}}}
    assert record_of(document, "linux", "seccomp") == {"a": 1}
    assert record_of(document) == document


@pytest.mark.parametrize("document", [None, 5, "x", [], {"linux": 5}, {"linux": ["seccomp"]}, {"linux": {}}])
def test_what_is_no_object_is_empty(document: object) -> None:
    assert record_of(document, "linux", "seccomp") == {}


def test_lists_keep_what_has_the_right_shape() -> None:
    assert items_of({"x": ODD}, "x") == ODD
    assert records_of({"x": [*ODD, {"a": 1}]}, "x") == [{}, {"a": 1}]
    assert texts_of({"x": [*ODD, "y"]}, "x") == ["x", "y"]


@pytest.mark.parametrize("value", [None, 5, "x", {}, True])
def test_what_is_no_list_is_empty(value: object) -> None:
    document = {"x": value}
    assert items_of(document, "x") == items_of({}, "x") == []
    assert records_of(document, "x") == []
    assert texts_of(document, "x") == []


@pytest.mark.parametrize(("value", "expected"), [("x", "x"), ("", ""), (5, ""), (None, ""), (["x"], ""), ({}, "")])
def test_a_text_is_a_text(value: object, expected: str) -> None:
    assert text_of({"x": value}, "x") == expected
    assert text_of({}, "x") == ""
