"""What a build leaves behind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished file. Sizes are in bytes; ``mapped_bytes`` leaves out the holes. ``format`` names what made it."""

    path: str
    format: str
    size_bytes: int
    mapped_bytes: int
