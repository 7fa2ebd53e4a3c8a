"""The names of the starter kit: what ``lkboard kit build`` puts into the store, and no registry has."""

from __future__ import annotations

import re

_PUBLISHED = "docker.io/lkboard"
_PACKAGES = "lkboard.local/debian-packages"
_NAME = re.compile(rf"{re.escape(_PUBLISHED)}/[^:@]+:kit(?:@.*)?|{re.escape(_PACKAGES)}:.+")

BUILD_COMMAND = "lkboard kit build"
"""What makes the kit, and makes it whole again."""


def image_name(image: str) -> str:
    """Return the canonical name of an image of the kit (decisions, "Store, kit")."""
    return f"{_PUBLISHED}/{image}:kit"


def shelf_name(architecture: str) -> str:
    """Return the store's name for the list of an architecture's packages; it is a name that no registry has."""
    return f"{_PACKAGES}:{architecture}"


def is_kit(name: str) -> bool:
    """Return whether a canonical name, perhaps with a digest, is one of the kit's."""
    return _NAME.fullmatch(name) is not None
