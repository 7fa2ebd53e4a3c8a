"""JSON of others, read leniently: what does not have the right shape counts as not there."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]


def record_of(document: object, *names: str) -> Record:
    """Return an object inside objects, an empty one if it is not there."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def items_of(document: Record, name: str) -> list[object]:
    """Return a list, an empty one if it is not there."""
    value = document.get(name)
    return value if isinstance(value, list) else []


def records_of(document: Record, name: str) -> list[Record]:
    """Return the objects in a list."""
    return [item for item in items_of(document, name) if isinstance(item, dict)]


def text_of(document: Record, name: str) -> str:
    """Return a text, an empty one if it is not there."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


def texts_of(document: Record, name: str) -> list[str]:
    """Return the texts in a list."""
    return [item for item in items_of(document, name) if isinstance(item, str)]
