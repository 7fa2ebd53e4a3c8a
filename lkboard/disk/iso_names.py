"""Identifiers of ISO 9660: the names for readers that know no Rock Ridge (ECMA-119, sections 7.5, 7.6 and 9.3)."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOT_ALLOWED = re.compile(r"[^A-Z0-9_]")
_STEM_MAX, _EXTENSION_MAX = 20, 3
_VERSION = ";1"


def identifiers(names: Sequence[tuple[str, bool]]) -> list[bytes]:
    """Return an identifier for each name of one folder, all different; names come with whether they are folders.

    They remind of the names; those that would be the same get a number at their end.
    """
    taken: set[str] = set()
    counters: dict[str, itertools.count[int]] = {}
    result = []
    for name, is_folder in names:
        stem, extension = _parts(name, is_folder=is_folder)
        identifier = stem + extension
        counter = counters.setdefault(identifier, itertools.count(1))
        while identifier in taken:
            tail = f"_{next(counter)}"
            identifier = stem[: _STEM_MAX - len(tail)] + tail + extension
        taken.add(identifier)
        result.append(identifier.encode())
    return result


def order(identifier: bytes) -> tuple[bytes, bytes]:
    """Return the key by which the records of a folder are sorted: blanks fill name and extension."""
    stem, _dot, rest = identifier.partition(b".")
    return stem.ljust(_STEM_MAX), rest.partition(b";")[0].ljust(_EXTENSION_MAX)


def _parts(name: str, *, is_folder: bool) -> tuple[str, str]:
    stem, dot, extension = name.upper().rpartition(".")
    if is_folder or not dot or not stem:
        stem, extension = name.upper(), ""
    stem = _NOT_ALLOWED.sub("_", stem)[:_STEM_MAX]
    return stem, "" if is_folder else f".{_NOT_ALLOWED.sub('_', extension)[:_EXTENSION_MAX]}{_VERSION}"
