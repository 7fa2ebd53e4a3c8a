"""One file per output format, each with a constant FORMAT.

Format modules do not import each other; what several of them need is in modules without FORMAT (``boot_disk``).
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from lkboard.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.metadata import EntryPoint

    from lkboard.formats.format import Format

ENTRY_POINTS = "lkboard.formats"


def catalogue() -> Mapping[str, Format]:
    """Return all formats by name: the built-in ones, then those of installed plug-ins.

    Raises `BuildError` when a plug-in cannot be loaded or takes a name that is there already.
    """
    from importlib.metadata import entry_points

    return collect(_built_in(), entry_points(group=ENTRY_POINTS))


def collect(built_in: Iterable[Format], plug_ins: Iterable[EntryPoint]) -> Mapping[str, Format]:
    """Return formats by name. Raises `BuildError` as `catalogue` does."""
    formats = {found.name: found for found in built_in}
    for plug_in in plug_ins:
        found = _load(plug_in)
        if found.name in formats:
            raise BuildError(
                f"the plug-in '{plug_in.value}' has a format '{found.name}', which is there already",
                hint=_uninstall(plug_in),
            )
        formats[found.name] = found
    return formats


def _built_in() -> Iterator[Format]:
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        if hasattr(module, "FORMAT"):
            yield module.FORMAT


def _load(plug_in: EntryPoint) -> Format:
    from lkboard.formats.format import Format

    try:
        found = plug_in.load()
    except Exception as error:
        raise BuildError(
            f"the plug-in '{plug_in.value}' cannot be loaded: {error}", hint=_uninstall(plug_in)
        ) from error
    if not isinstance(found, Format):
        raise BuildError(f"the plug-in '{plug_in.value}' is not a format", hint=_uninstall(plug_in))
    return found


def _uninstall(plug_in: EntryPoint) -> str:
    package = plug_in.dist.name if plug_in.dist else plug_in.module
    return f"update or remove it: pip uninstall {package}"
