"""Which image of an index runs on a platform (registry.md section 7, build.md section 3.2)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.model.image import Platform
from lkboard.oci.image_spec.attestation import is_attestation
from lkboard.oci.image_spec.media_types import INDEXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkboard.model.image import Descriptor

_SYNONYMS = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "i386": ("386", ""),
}
# What an architecture means when no variant is given.
_BASELINES = {"amd64": (1, 0), "arm64": (8, 0), "arm": (7, 0)}
_VARIANT = re.compile(r"v?(?P<major>[0-9]{1,4})(?:\.(?P<minor>[0-9]{0,4}))?")

_LISTED = 16
"""Platforms that are named in a message."""

_Level = tuple[int, int]
_Rank = tuple[int, tuple[int, ...]]


def parse_platform(text: str) -> Platform:
    """Read ``[os/]architecture[/variant]``; the architecture may also be called as ``uname -m`` does (``aarch64``)."""
    parts = text.split("/")
    if parts[0] not in {"linux", "windows", "darwin", "freebsd"}:
        parts.insert(0, "linux")
    architecture, variant = _SYNONYMS.get(parts[1], (parts[1], "")) if len(parts) > 1 else ("", "")
    return Platform(parts[0], architecture, parts[2] if len(parts) > 2 else variant)


def listed(platforms: Sequence[str]) -> str:
    """Return the names of platforms for a message, no more than fit into it."""
    more = f" and {len(platforms) - _LISTED} more" if len(platforms) > _LISTED else ""
    return (", ".join(platforms[:_LISTED]) or "none") + more


def choose(entries: Iterable[Descriptor], wanted: Platform) -> Descriptor | None:
    """Return the entry that suits ``wanted`` best, the first among equals, or None."""
    best: tuple[_Rank, Descriptor] | None = None
    for entry in entries:
        if entry.platform is None or entry.media_type in INDEXES or is_attestation(entry):
            continue
        rank = _rank(entry.platform, wanted)
        if rank is not None and (best is None or rank < best[0]):
            best = rank, entry
    return best[1] if best else None


def is_among(offered: Platform | None, wanted: Iterable[Platform]) -> bool:
    """Return whether a platform is one of those wanted; a variant counts only where one is asked for.

    No variant is the same as the one that the architecture has at least: ``arm64`` is ``arm64/v8``.
    """
    return offered is not None and any(_is_meant(offered, one) for one in wanted)


def _is_meant(offered: Platform, wanted: Platform) -> bool:
    if (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        return False
    if wanted.variant in {"", offered.variant}:
        return True
    baseline = _BASELINES.get(wanted.architecture)
    level = _level(offered.variant, baseline)
    return level is not None and level == _level(wanted.variant, baseline)


def is_suitable(offered: Platform, wanted: Platform) -> bool:
    """Return whether an image whose configuration names ``offered`` may be used; what it leaves out does not matter."""
    known = replace(offered, os=offered.os or wanted.os, architecture=offered.architecture or wanted.architecture)
    return _rank(known, wanted) is not None


def _rank(offered: Platform, wanted: Platform) -> _Rank | None:
    """Return how well ``offered`` suits, smaller being better, or None.

    The best is the highest variant that is not above the wanted one. Above it is taken only if no variant was asked
    for, as LinuxKit does, which knows no variants.
    """
    if (offered.os, offered.architecture) != (wanted.os, wanted.architecture):
        return None
    baseline = _BASELINES.get(wanted.architecture)
    level, limit = _level(offered.variant, baseline), _level(wanted.variant, baseline)
    if level is None or limit is None:
        return (0, ()) if offered.variant == wanted.variant else (2, ()) if not wanted.variant else None
    if level <= limit:
        return 0, (-level[0], -level[1])
    return None if wanted.variant else (1, level)


def _level(variant: str, baseline: _Level | None) -> _Level | None:
    """Return ``v8.1`` as (8, 1), no variant as the architecture's baseline, and None for what has no order."""
    if not variant or baseline is None:
        return baseline
    match = _VARIANT.fullmatch(variant)
    return (int(match["major"]), int(match["minor"] or 0)) if match else None
