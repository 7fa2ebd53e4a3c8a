"""Fixtures of this room's tests."""

from support.kit import kit_store_fixture
from support.lab import lab, lab_registry, proxy
from support.starter import starter_kit

__all__ = ["kit_store_fixture", "lab", "lab_registry", "proxy", "starter_kit"]
