"""Fixtures of this room's tests."""

from support.lab import lab, lab_registry, proxy

__all__ = ["lab", "lab_registry", "proxy"]
