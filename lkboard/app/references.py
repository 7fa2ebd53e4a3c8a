"""Names of images that a user gives on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.errors import ReferenceInvalid, UsageError

if TYPE_CHECKING:
    from lkboard.model.reference import Reference


def given_reference(text: str, option: str = "") -> Reference:
    """Return what a name says; ``option`` is the one that it was given to. Raises `UsageError` when it is none."""
    from lkboard.model.reference import parse_reference

    try:
        return parse_reference(text)
    except ReferenceInvalid as error:
        raise UsageError(error.message, where=option or None, hint=error.hint) from error
