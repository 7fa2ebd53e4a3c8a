"""One file per place that an image can be written to, each with a constant TARGET; one engine drives them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard import plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.model.target import WritePlan
    from lkboard.targets.kind import TargetKind


def catalogue() -> Mapping[str, TargetKind]:
    """Return all kinds of targets by name: the built-in ones, then those of installed plug-ins.

    Raises `BuildError` when a plug-in cannot be loaded or takes a name that is there already.
    """
    from lkboard.targets.kind import TargetKind

    return plugins.find(__name__, "TARGET", TargetKind, "target")


def kind_for(plan: WritePlan) -> TargetKind:
    """Return the kind that takes a plan. Raises `BuildError` as `catalogue` does.

    Plug-ins are asked first: the built-in kinds take every file and device between them.
    """
    return next(kind for kind in reversed(tuple(catalogue().values())) if kind.accepts(plan))
