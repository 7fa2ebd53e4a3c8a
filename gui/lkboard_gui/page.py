"""What a page of the window is."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from lkboard_gui.models.project import Project


@dataclass(frozen=True, slots=True)
class Page:
    """A page: ``order`` sorts the navigation, ``glyph`` is its sign, ``make`` builds it for a project."""

    id: str
    title: str
    glyph: str
    order: int
    make: Callable[[Project], QWidget]


def pages() -> tuple[Page, ...]:
    """Return every page, one per module of `lkboard_gui.pages`, in the order of the navigation."""
    package = importlib.import_module("lkboard_gui.pages")
    found = [
        importlib.import_module(f"lkboard_gui.pages.{module.name}").PAGE
        for module in pkgutil.iter_modules(package.__path__)
    ]
    return tuple(sorted(found, key=lambda page: page.order))
