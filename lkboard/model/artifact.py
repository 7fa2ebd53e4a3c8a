"""What a build leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from lkboard.model.lock import LockedTool

Compression = Literal["zst", "xz", "gz"]
"""How a file is compressed, by the end of its name."""

COMPRESSIONS: tuple[Compression, ...] = get_args(Compression)

Sidecar = Literal["sha256", "bmap"]
"""A file beside an artifact that says something about it, by the end of its name."""

SIDECARS: tuple[Sidecar, ...] = get_args(Sidecar)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished file. Sizes are in bytes; ``mapped_bytes`` leaves out the holes. ``format`` names what made it.

    ``unpacked_bytes`` is the size of what a compressed file holds, 0 when it is not compressed. ``sidecars`` are the
    paths of the files that belong to it, ``sha256`` is its sum in hex where one of them holds it. ``tools`` are the
    external programs that its format ran.
    """

    path: str
    format: str
    size_bytes: int
    mapped_bytes: int
    unpacked_bytes: int = 0
    sidecars: tuple[str, ...] = ()
    sha256: str = ""
    tools: tuple[LockedTool, ...] = ()
