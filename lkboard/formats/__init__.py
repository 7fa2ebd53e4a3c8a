"""One file per output format, each with a constant FORMAT.

Format modules do not import each other; what several of them need is in modules without FORMAT (``boot_disk``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard import plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkboard.formats.format import Format


def catalogue() -> Mapping[str, Format]:
    """Return all formats by name: the built-in ones, then those of installed plug-ins.

    Raises `BuildError` when a plug-in cannot be loaded or takes a name that is there already.
    """
    from lkboard.formats.format import Format

    return plugins.find(__name__, "FORMAT", Format, "format")
