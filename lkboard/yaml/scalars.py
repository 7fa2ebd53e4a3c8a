"""What a YAML scalar means: the rules of yaml.v3, which LinuxKit uses (build.md section 2.2).

They differ from YAML 1.1 as most Python parsers read it: ``yes`` and ``22:22`` are text, ``010`` and ``0o10`` are 8.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Literal

Kind = Literal["text", "integer", "float", "boolean", "null"]
Value = str | int | float | bool | None
Resolved = tuple[Kind, Value]

_WORDS: dict[str, Resolved] = {
    **dict.fromkeys(("true", "True", "TRUE"), ("boolean", True)),
    **dict.fromkeys(("false", "False", "FALSE"), ("boolean", False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("null", None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), ("float", float("nan"))),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), ("float", float("inf"))),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), ("float", float("-inf"))),
}
_INTEGER = re.compile(
    r"[-+]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 400
"""Longer digits cannot be a finite number; the limit keeps the conversion of a hostile text cheap."""
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1
_CORE = "tag:yaml.org,2002:"
_KINDS: dict[str, Kind] = {"int": "integer", "float": "float", "bool": "boolean", "null": "null"}


def resolve(text: str) -> Resolved:
    """Return kind and value of a plain scalar without a tag."""
    word = _WORDS.get(text)
    if word is not None:
        return word
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return "text", text
    return _number(text) or ("text", text)


def resolve_tagged(text: str, tag: str) -> Resolved:
    """Return kind and value of a scalar with an explicit tag (``!!str 5``), in its long or short form.

    Raises ValueError when the text cannot be read that way, or nobody knows the tag.
    """
    short = tag.removeprefix(_CORE).removeprefix("!!")
    if short in ("str", "timestamp"):
        return "text", text
    if short == "binary":
        return "text", _binary(text)
    kind, value = resolve(text)
    wanted = _KINDS.get(short)
    if wanted == "float" and kind == "integer":
        return "float", float(value or 0)
    if wanted is None or kind != wanted:
        raise ValueError(f"'{text}' cannot be read as {tag.replace(_CORE, '!!')}")
    return kind, value


def _number(text: str) -> Resolved | None:
    # underscores may stand between digits, but a number that begins with a dot is read as it is
    plain = text if text[0] == "." else text.replace("_", "")
    match = _INTEGER.fullmatch(plain)
    if match:
        base = match.lastgroup or "dec"
        value = int(match[base], _BASES[base]) * (-1 if plain[0] == "-" else 1)
        if _MIN_INTEGER <= value <= _MAX_INTEGER:
            return "integer", value
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        return ("float", number) if abs(number) != float("inf") else None
    return None


def _binary(text: str) -> str:
    try:
        return base64.b64decode(re.sub(r"\s+", "", text), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("the !!binary value is not base64 of UTF-8 text") from error
