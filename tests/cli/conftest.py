"""Fixtures of this room's tests."""

from support.kit import kit_store_fixture
from support.lab import lab, lab_registry, proxy

__all__ = ["kit_store_fixture", "lab", "lab_registry", "proxy"]
