"""The rules of yaml.v3 for plain scalars (build.md section 2.2)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.yaml.scalars import resolve, resolve_tagged

INTEGERS = {
    "0": 0,
    "5": 5,
    "-5": -5,
    "+5": 5,
    "010": 8,
    "0o17": 15,
    "0O17": 15,
    "-0o17": -15,
    "0644": 0o644,
    "0x1F": 31,
    "0Xff": 255,
    "-0x10": -16,
    "0b101": 5,
    "1_000": 1000,
    "0_7": 7,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775808": -(2**63),
    "18446744073709551615": 2**64 - 1,
}
FLOATS = {
    "1.0": 1.0,
    "1.": 1.0,
    ".5": 0.5,
    "-.5": -0.5,
    "+1e3": 1000.0,
    "1E-2": 0.01,
    "08": 8.0,
    "099": 99.0,
    "18446744073709551616": 2.0**64,
    ".inf": math.inf,
    "-.INF": -math.inf,
}
TEXTS = (
    "yes", "no", "on", "off", "y", "n", "Yes", "tRUE", "nULL", "22:22", "1:2:3", "2020-01-01", "2020-01-01T10:00:00Z",
    "0x", "0xg", "0b2", "0o8", "-", "+", ".", "..", "-.", ".e1", "._5", "1e400", "-1e400", "0x10000000000000000",
    "1.2.3", "12a", "a12", "_1", "1" * 401, "٣", "²", "=", "@x", "text", "- x",
)  # fmt: skip


@pytest.mark.parametrize(("text", "value"), INTEGERS.items())
def test_integers(text: str, value: int) -> None:
    assert resolve(text) == ("integer", value)


@pytest.mark.parametrize(("text", "value"), FLOATS.items())
def test_floats(text: str, value: float) -> None:
    assert resolve(text) == ("float", value)


@pytest.mark.parametrize("text", TEXTS)
def test_everything_else_is_text(text: str) -> None:
    assert resolve(text) == ("text", text)


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_true(text: str) -> None:
    assert resolve(text) == ("boolean", True)


@pytest.mark.parametrize("text", ["false", "False", "FALSE"])
def test_false(text: str) -> None:
    assert resolve(text) == ("boolean", False)


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_null(text: str) -> None:
    assert resolve(text) == ("null", None)


def test_not_a_number_is_a_float() -> None:
    kind, value = resolve(".NaN")
    assert kind == "float"
    assert isinstance(value, float)
    assert math.isnan(value)


@given(st.integers(-(2**63), 2**64 - 1))
def test_every_integer_of_64_bits_is_read_back(number: int) -> None:
    assert resolve(str(number)) == ("integer", number)


@given(st.integers(0, 2**64 - 1), st.sampled_from(["#x", "#o", "#b"]))
def test_every_base_is_read_back(number: int, form: str) -> None:
    assert resolve(format(number, form)) == ("integer", number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_is_read_back(number: float) -> None:
    assert resolve(repr(number)) == ("float", number)


@given(st.text())
def test_any_text_has_a_meaning(text: str) -> None:
    kind, value = resolve(text)
    assert kind != "text" or value == text


@pytest.mark.parametrize(
    ("text", "tag", "expected"),
    [
        ("5", "tag:yaml.org,2002:str", ("text", "5")),
        ("null", "tag:yaml.org,2002:str", ("text", "null")),
        ("2020-01-01", "tag:yaml.org,2002:timestamp", ("text", "2020-01-01")),
        ("0x10", "tag:yaml.org,2002:int", ("integer", 16)),
        ("5", "tag:yaml.org,2002:float", ("float", 5.0)),
        ("true", "tag:yaml.org,2002:bool", ("boolean", True)),
        ("~", "tag:yaml.org,2002:null", ("null", None)),
        ("aGVs\n bG8=", "tag:yaml.org,2002:binary", ("text", "hello")),
    ],
)
def test_tags_decide_the_type(text: str, tag: str, expected: tuple[str, object]) -> None:
    assert resolve_tagged(text, tag) == expected


@pytest.mark.parametrize(
    ("text", "tag", "message"),
    [
        ("x", "tag:yaml.org,2002:int", "'x' cannot be read as !!int"),
        ("1.5", "tag:yaml.org,2002:int", "'1.5' cannot be read as !!int"),
        ("5", "tag:yaml.org,2002:bool", "'5' cannot be read as !!bool"),
        ("5", "!thing", "'5' cannot be read as !thing"),
        ("*", "tag:yaml.org,2002:binary", "the !!binary value is not base64 of UTF-8 text"),
        ("/w==", "tag:yaml.org,2002:binary", "the !!binary value is not base64 of UTF-8 text"),
    ],
)
def test_a_tag_that_does_not_fit_is_refused(text: str, tag: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("*", r"\*")):
        resolve_tagged(text, tag)
