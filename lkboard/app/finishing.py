"""How the files of a build are finished: compressed or not, and what is put beside them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lkboard.errors import UsageError
from lkboard.model.artifact import COMPRESSIONS

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import Format
    from lkboard.model.artifact import Compression, Sidecar


def choose_compression(format_: Format, output: str, asked: Compression | None) -> Compression | None:
    """Return what was asked for, else what the name of the output says, unless the format itself ends so.

    Raises `UsageError` when the two contradict each other, and when the format is compressed that way by itself.
    """
    ending = _ending(output)
    if ending is None:
        if asked and not output and asked in map(_ending, format_.outputs):
            message = f"the format '{format_.name}' is compressed with {asked} by itself"
            raise UsageError(message, hint="leave out --compress")
        return asked
    is_own = ending in map(_ending, format_.outputs) and _ending(output.removesuffix(f".{ending}")) != ending
    named = None if is_own else ending
    if asked not in {None, named}:
        better = (
            f"leave it out, or -o {shlex.quote(f'{output}.{asked}')}"
            if is_own
            else f"--compress {named}, or another name"
        )
        raise UsageError(f"'{output}' is no name for --compress {asked}", hint=better)
    return named


def _ending(name: str) -> Compression | None:
    return next((kind for kind in COMPRESSIONS if name.endswith(f".{kind}")), None)


def choose_sidecars(format_: Format, asked: bool | None) -> tuple[Sidecar, ...]:
    """Return the sidecars of a format: its own by default, at least a sum where they are asked for."""
    if asked is False:
        return ()
    return format_.sidecars or (("sha256",) if asked else ())


def with_compression(path: Path, compression: Compression | None) -> Path:
    """Return the name of a compressed file."""
    return path.with_name(f"{path.name}.{compression}") if compression else path
