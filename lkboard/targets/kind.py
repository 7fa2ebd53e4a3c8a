"""What a kind of target is: each module beside this one that has a constant TARGET is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkboard.model.target import Target, WritePlan


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A kind of place. ``accepts`` tells whether a plan is for it, ``make`` the target of a plan that is."""

    name: str
    title: str
    accepts: Callable[[WritePlan], bool]
    make: Callable[[WritePlan], Target]
