"""The use case "explain": why a path is in a system, and what the system is made of."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.app.image_source import is_config
from lkboard.app.planning import plan_outputs
from lkboard.app.system import make_system
from lkboard.errors import PathMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.app.build_options import BuildOptions
    from lkboard.app.system import System
    from lkboard.events import Job
    from lkboard.model.explanation import Explanation, Makeup
    from lkboard.rootfs.explain import Explainer
    from lkboard.rootfs.makers import Makers


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is to say about the paths that were asked for, and why there is nothing to say about the others."""

    found: tuple[Explanation, ...]
    missing: tuple[PathMissing, ...] = ()


def split_arguments(arguments: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide arguments into configs and paths: the first is a config, and so are those behind it that look like one."""
    first, *more = arguments
    configs = tuple(itertools.takewhile(is_config, more))
    return (first, *configs), tuple(more[len(configs) :])


def explain(
    options: BuildOptions, paths: Sequence[str], job: Job, *, stdin: bytes | None = None, every_cost: bool = True
) -> Answer:
    """Explain paths of the system that a build would make, in the order in which they were asked for.

    A path may be a pattern. Without ``every_cost``, patterns that stand for more than one path get no ``initrd_bytes``:
    to know those of all of ``/usr/lib/*`` means to compress it. Raises what a build raises.
    """
    explainer = _explainer(make_system(options, plan_outputs(options), job, stdin=stdin, with_losses=True), job)
    found: dict[str, None] = {}
    missing = []
    for path in paths:
        try:
            found.update(dict.fromkeys(explainer.find(path)))
        except PathMissing as error:
            missing.append(error)
    with_cost = every_cost or len(found) <= len(paths)
    return Answer(tuple(explainer.explain(name, with_cost=with_cost) for name in found), tuple(missing))


def makeup(options: BuildOptions, job: Job, *, stdin: bytes | None = None) -> Makeup:
    """Tell what the system consists of that a build would make. Raises what a build raises."""
    system = make_system(options, plan_outputs(options), job, stdin=stdin)
    from lkboard.rootfs.makeup import makeup as makeup_of

    return makeup_of(system.rootfs, _makers(system), system.around.store.derived_dir("segments"), job)


def _explainer(system: System, job: Job) -> Explainer:
    from lkboard.rootfs.explain import Explainer

    return Explainer(system.rootfs, _makers(system), job)


def _makers(system: System) -> Makers:
    from lkboard.rootfs.makers import Makers

    return Makers(system.config, system.images.by_reference, system.images.layouts.values())
