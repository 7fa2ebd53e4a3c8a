"""Rooms whose things are found and not listed: the constant of each module, and what plug-ins add (entry points)."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol, TypeVar

from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.metadata import EntryPoint


class Named(Protocol):
    """What a catalogue holds."""

    @property
    def name(self) -> str:
        """What users call it."""


Thing = TypeVar("Thing", bound=Named)


def find(package: str, constant: str, kind: type[Thing], noun: str) -> Mapping[str, Thing]:
    """Return the things of a package (``lkboard.formats``) by name: those of its modules, then those of plug-ins.

    Each module that has the constant holds one; the entry points of plug-ins have the package's name as their group.
    Raises `BuildError` as `collect` does.
    """
    from importlib.metadata import entry_points

    return collect(_built_in(package, constant), entry_points(group=package), kind, noun)


def collect(
    built_in: Iterable[Thing], plug_ins: Iterable[EntryPoint], kind: type[Thing], noun: str
) -> Mapping[str, Thing]:
    """Return things by name. ``kind`` is what a plug-in has to be, ``noun`` what people call that.

    Raises `BuildError` when a plug-in cannot be loaded, is of another kind, or takes a name that is there already.
    """
    things = {found.name: found for found in built_in}
    for plug_in in plug_ins:
        found = _load(plug_in, kind, noun)
        if found.name in things:
            raise BuildError(
                f"the plug-in '{plug_in.value}' has a {noun} '{found.name}', which is there already",
                hint=_uninstall(plug_in),
            )
        things[found.name] = found
    return things


def _built_in(package: str, constant: str) -> Iterator[Thing]:
    for module_info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{module_info.name}")
        if hasattr(module, constant):
            yield getattr(module, constant)


def _load(plug_in: EntryPoint, kind: type[Thing], noun: str) -> Thing:
    try:
        found = plug_in.load()
    except Exception as error:
        raise BuildError(
            f"the plug-in '{plug_in.value}' cannot be loaded: {error}", hint=_uninstall(plug_in)
        ) from error
    if not isinstance(found, kind):
        raise BuildError(f"the plug-in '{plug_in.value}' is not a {noun}", hint=_uninstall(plug_in))
    return found


def _uninstall(plug_in: EntryPoint) -> str:
    package = plug_in.dist.name if plug_in.dist else plug_in.module
    return f"update or remove it: pip uninstall {package}"
