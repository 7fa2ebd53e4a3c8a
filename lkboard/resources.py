"""Files that come with lkboard: boards and resources, inside an installed wheel or in the checkout.

They are Traversables, not paths: a wheel may be a zip file.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def boards_root() -> Traversable:
    """Return the folder with one folder per board."""
    return _root("_boards", "boards")


def resource(path: str) -> Traversable:
    """Return a file or folder below ``resources``, as ``kit/init``."""
    return _root("_resources", "resources").joinpath(*path.split("/"))


def _root(packed: str, checkout: str) -> Traversable:
    """Return the folder that the wheel carries under ``packed``, else the one at the top of the checkout."""
    inside = files("lkboard") / packed
    return inside if inside.is_dir() else Path(__file__).parent.parent / checkout
