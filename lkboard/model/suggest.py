"""What a misspelt name was meant to be."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLOSE = 0.75
MAX_CANDIDATES = 500
"""A config can declare any number of names; comparing with all of them would take minutes."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like ``name``, in whatever case, or None if nothing is close."""
    by_lower = {candidate.lower(): candidate for candidate in islice(known, MAX_CANDIDATES)}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=_CLOSE)
    return by_lower[matches[0]] if matches else None


def suggest(name: str, known: Iterable[str], fallback: Iterable[str] | None = None) -> str:
    """Return a hint for a name that does not exist: ``did you mean 'x'?``, else all of ``fallback`` or ``known``."""
    names = tuple(known)
    close = nearest(name, names)
    return f"did you mean '{close}'?" if close else f"known: {', '.join(names if fallback is None else fallback)}"
