"""Rules for the volumes section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkboard.config.rules.finding import Finding, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.config.rules.finding import Located
    from lkboard.model.config import Config, Volume

_NAME = re.compile(r"[a-z0-9_-]*")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?")


def volume_name(config: Config) -> Iterator[Located]:
    """Find names with characters that a volume cannot have, and volumes without a name."""
    for volume in config.volumes:
        if not _NAME.fullmatch(volume.name):
            hint = "use small letters, digits, '-' and '_'"
            yield volume.places, Finding("name", f"invalid volume name {volume.name!r}", hint)
        elif not volume.name:
            yield volume.places, warning("name", "a volume without a name cannot be used", "add name: NAME")


def duplicate_volume(config: Config) -> Iterator[Located]:
    """Find volumes that have the name of an earlier one; across files LinuxKit accepts that and keeps both."""
    seen: dict[str, Volume] = {}
    for volume in config.volumes:
        first = seen.setdefault(volume.name, volume)
        if first is volume:
            continue
        message = f"duplicate volume name '{volume.name}'"
        hint = f"it is at {first.places.of('name')} already; give one of them another name"
        is_same_file = first.places.own.file == volume.places.own.file
        yield volume.places, Finding("name", message, hint, "error" if is_same_file else "warning")


def volume_platforms(config: Config) -> Iterator[Located]:
    """Find platforms that are not written as OS/ARCHITECTURE."""
    for volume in config.volumes:
        for index, platform in enumerate(volume.platforms):
            if not _PLATFORM.fullmatch(platform):
                yield volume.places, Finding(f"platforms.{index}", f"'{platform}' is no platform", "write linux/arm64")


def ignored_platforms(config: Config) -> Iterator[Located]:
    """Find platforms of volumes that hold an image's files: those are always the ones of the built architecture."""
    for volume in config.volumes:
        if volume.platforms and volume.format != "oci":
            yield volume.places, warning("platforms", "has no effect without format: oci", "add format: oci")
