"""What a container may do, as rights that can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.model.difference import PrivilegeChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.difference import Direction


@dataclass(frozen=True, slots=True)
class Right:
    """How far a right goes: more with a higher ``level``, 0 as far as without it, below 0 for a restriction.

    ``is_ordinary`` marks what every container of LinuxKit has that does not ask for less.
    """

    level: int
    text: str
    is_ordinary: bool = False


Rights = dict[tuple[str, str], Right]
"""Rights by their kind and what they are about."""

Found = tuple[str, str, Right]
"""A right with its kind and what it is about."""

_NONE = Right(0, "")


def compare_rights(part: str, before: Rights | None, after: Rights) -> Iterator[PrivilegeChange]:
    """Yield what is not the same in two versions of a container, or all that is not ordinary in a new one."""
    for kind, subject in sorted({*(before or {}), *after}):
        old, new = (before or {}).get((kind, subject), _NONE), after.get((kind, subject), _NONE)
        if before is None and (new.is_ordinary or new.level <= 0):
            continue
        if old.level != new.level or old.text != new.text:
            yield PrivilegeChange(part, kind, subject, old.text, new.text, _direction(old.level, new.level))


def _direction(before: int, after: int) -> Direction:
    return "more" if after > before else "less" if after < before else "other"
