"""Sizes as people read and write them."""

from __future__ import annotations

import re

from lkboard.errors import UsageError

_SIZE = re.compile(r"(\d{1,9})([MG]?)")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def human_size(size: float) -> str:
    """Return a size in bytes with a binary unit and three digits at the most: ``29.3 MiB``."""
    for unit in _UNITS:
        if abs(size) < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" or abs(size) >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError


def is_size(text: str) -> bool:
    """Return whether a text is a size for `parse_size`."""
    return _SIZE.fullmatch(text) is not None


def parse_size(text: str, option: str, *, least: int = 1) -> int:
    """Return the bytes of ``512M``, ``2G`` or a bare number of GiB (cli.md section 1.5), at least ``least`` of them.

    Raises `UsageError`, which names the option that the text was given to.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{option}: '{text}' is not a size", hint="write a number and M (MiB) or G (GiB), such as 512M"
        )
    size = int(match[1]) << (20 if match[2] == "M" else 30)
    if size < least:
        raise UsageError(f"{option}: '{text}' is too small", hint="write a larger number, or leave the option out")
    return size
