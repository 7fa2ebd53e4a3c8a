"""The JSON reader in awk, against a table and against Python's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.shell import LIBRARY, busybox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _flat(text: str) -> str:
    result = busybox("awk", "-f", LIBRARY / "json.awk", "-f", LIBRARY / "flat.awk", "/dev/stdin", stdin=text)
    assert result.stderr == ""
    assert result.returncode == 0
    return result.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ""),
        ("[]", ""),
        ('{"a": {}, "b": []}', ""),
        ('"alone"', "\talone\n"),
        ('{"a":"x","b":"y"}', "a\tx\nb\ty\n"),
        ('{\n    "a": [\n        "x",\n        "y"\n    ]\n}', "a.0\tx\na.1\ty\n"),
        ('[["a"],["b","c"]]', "0.0\ta\n1.0\tb\n1.1\tc\n"),
        ('{"a":{"b":{"c":[{"d":"deep"}]}}}', "a.b.c.0.d\tdeep\n"),
        ('{"n":0,"m":-12.5e+3,"big":18446744073709551615}', "n\t0\nm\t-12.5e+3\nbig\t18446744073709551615\n"),
        ('{"t":true,"f":false,"z":null}', "t\ttrue\nf\tfalse\nz\tnull\n"),
        ('{"empty":""}', "empty\t\n"),
        (r'{"a":"\"\\\/"}', 'a\t"\\\\/\n'),
        (r'{"a":"x\ny\tz\r"}', "a\tx\\ny\\tz\r\n"),
        (r'{"a":"\b\f"}', "a\t\b\f\n"),
        (r'{"a":"\u0041\u00e9\u20AC"}', "a\tAé€\n"),
        (r'{"a":"\ud83d\ude00"}', "a\t😀\n"),
        (r'{"a":"\ud83d!"}', "a\t\ufffd!\n"),
        (r'{"a":"\u003c\u003e\u0026\u2028"}', "a\t<>&\u2028\n"),
        ('{"a":"räksmörgås 😀"}', "a\träksmörgås 😀\n"),
        ('{"a":"{[,:]}"}', "a\t{[,:]}\n"),
        ('\t{ "a" :\n\n "x" ,\r\n "b":[ ] }\n\n', "a\tx\n"),
        ('{"a":"&"}', "a\t&\n"),
    ],
)
def test_reads(text: str, expected: str) -> None:
    assert _flat(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no value"),
        ("{", "no name of a member"),
        ('{"a"}', "no colon"),
        ('{"a":1', "no comma or }"),
        ("[1 2]", "no comma or ]"),
        ("[1,]", "no value"),
        ('{"a":1,}', "no name of a member"),
        ('{"a":"x', "a string without end"),
        ('{"a":"\\x"}', "unknown escape"),
        ('{"a":"\\u12g4"}', "bad \\u escape"),
        ('{"a":"\\u0000"}', "bad \\u escape"),
        ("{} {}", "text after the end"),
        ("yes", "no value"),
        ("01", "no value"),
        ("{'a':1}", "no name of a member"),
    ],
)
def test_refuses(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    result = busybox("awk", "-f", LIBRARY / "json.awk", "-f", LIBRARY / "flat.awk", file)
    assert result.returncode == 1
    assert result.stderr.startswith(f"{file}: not JSON: {problem}")


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
_KEYS = st.text('abcXYZ_- é"\\', min_size=1, max_size=5)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4))


def _flatten(path: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        encoded = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        yield f"{path}\t{encoded}\n"
        return
    for key, item in items:
        yield from _flatten(f"{path}.{key}" if path else key, item)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_VALUES, st.sampled_from([None, 0, 4]), st.booleans())
def test_agrees_with_python(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert _flat(text) == "".join(_flatten("", value))


@settings(max_examples=30, deadline=None)
@given(_TEXT)
def test_printf_gives_the_value_back(value: str) -> None:
    record = _flat(json.dumps({"a": value})).removeprefix("a\t").removesuffix("\n")
    assert busybox("printf", "%b", record).stdout == value
