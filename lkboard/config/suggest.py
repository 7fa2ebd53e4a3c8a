"""What a misspelt name was meant to be."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

from lkboard.config.limits import MAX_CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLOSE = 0.75


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like ``name``, in whatever case, or None if nothing is close."""
    by_lower = {candidate.lower(): candidate for candidate in islice(known, MAX_CANDIDATES)}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=_CLOSE)
    return by_lower[matches[0]] if matches else None
