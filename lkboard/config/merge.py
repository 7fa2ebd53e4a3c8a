"""Several configs to one (build.md section 2.5)."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from lkboard.model.config import Config, Kernel, Places

if TYPE_CHECKING:
    from collections.abc import Iterable


def merge(configs: Iterable[Config]) -> Config:
    """Return configs as one: lists are joined, the kernel's fields replaced one by one, later files win.

    Volumes of every file can be used in every file, which LinuxKit means to allow (build.md section 10.4).
    """
    return reduce(_merge_two, configs, Config())


def _merge_two(first: Config, second: Config) -> Config:
    return Config(
        kernel=_merge_kernels(first.kernel, second.kernel),
        init=first.init + second.init,
        onboot=first.onboot + second.onboot,
        onshutdown=first.onshutdown + second.onshutdown,
        services=first.services + second.services,
        files=first.files + second.files,
        volumes=first.volumes + second.volumes,
        sources=first.sources + second.sources,
    )


def _merge_kernels(first: Kernel, second: Kernel) -> Kernel:
    written = {name for name, _place in second.places.fields}
    values = {name: getattr(second, name) for name in written}
    fields = [(name, place) for name, place in first.places.fields if name not in written]
    fields += second.places.fields
    own = second.places if second.places.fields else first.places
    return replace(first, **values, places=Places(own.own, tuple(fields), own.path))
