"""What a rule has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import Problem, Severity

if TYPE_CHECKING:
    from lkboard.model.config import Places


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in one record.

    ``field`` names the field, or what is below it (``binds.2``); it is empty for the record itself.
    """

    field: str
    message: str
    hint: str = ""
    severity: Severity = "error"

    def at(self, places: Places, code: str) -> Problem:
        """Return the finding as a problem of the record that stands at ``places``."""
        path = ".".join(part for part in (places.path, self.field) if part)
        return Problem(places.of(self.field), path, self.message, self.hint, code, self.severity)


def warning(field: str, message: str, hint: str = "") -> Finding:
    """Return a finding that does not stop a build."""
    return Finding(field, message, hint, "warning")


Located = tuple["Places", Finding]
"""A finding and the record that it is about."""
