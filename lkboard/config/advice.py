"""What to say about a value of the wrong type."""

from __future__ import annotations

import json

from lkboard.config.schema import Flag, Identity, Image, Integer, ListOf, Text, Type
from lkboard.yaml.nodes import Mapping, Node, Scalar, Sequence
from lkboard.yaml.scalars import resolve

_KIND_NAMES = {"integer": "the number", "float": "the number", "boolean": "the boolean"}
_BOOLEANS = {
    **dict.fromkeys(("yes", "y", "on", "true", "1"), "true"),
    **dict.fromkeys(("no", "n", "off", "false", "0"), "false"),
}
_LONG_TEXT = 80


def describe(node: Node) -> str:
    """Return what a node is, in a few words."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    if node.kind == "null":
        return "nothing"
    text = " ".join(node.text[:_LONG_TEXT].split()) + ("…" if len(node.text) > _LONG_TEXT else "")
    return f"the text '{text}'" if node.kind == "text" else f"{_KIND_NAMES[node.kind]} {text}"


def advice(node: Node, wanted: Type, label: str) -> str:
    """Return what to write instead of a value of another type; ``label`` is how the line begins.

    The value that is there is kept where that is what was meant.
    """
    if not isinstance(node, Scalar):
        return f"write {label}{wanted.example}"
    if node.kind == "null":
        return f"remove it, or write {label}{wanted.example}"
    quoted = json.dumps(node.text[:_LONG_TEXT], ensure_ascii=False)
    if isinstance(wanted, Text | Image):
        return f"put it in quotes: {label}{quoted}"
    if isinstance(wanted, Flag):
        return f"write {label}{_BOOLEANS.get(node.text.lower(), 'true or false')}"
    if isinstance(wanted, ListOf) and isinstance(wanted.item, Text | Image | Identity):
        return f"write a list: {label}[{quoted}]"
    if isinstance(wanted, Integer | Identity):
        if isinstance(node.value, float) and node.value.is_integer():
            return f"write {label}{int(node.value)}"
        if node.kind == "text" and resolve(node.text)[0] == "integer":
            return f"write it without quotes: {label}{node.text}"
    return f"write {label}{wanted.example}"
