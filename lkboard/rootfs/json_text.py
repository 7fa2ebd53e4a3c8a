"""JSON as the reference writes it, byte for byte (build.md section 4.1)."""

from __future__ import annotations

import json
from typing import Any

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_TABLE = str.maketrans(_ESCAPES)


def encode_json(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say
    """Return the text of a value: four blanks of indentation, keys in the given order, no newline at the end."""
    return json.dumps(value, indent=4, ensure_ascii=False).translate(_TABLE).encode("utf-8", "replace")


def without_empty(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members that say something: not None, no empty text, list or mapping. Zero and false are kept."""
    return {key: value for key, value in members.items() if value is not None and value not in ("", [], {}, ())}
