"""How files at web addresses may be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebAccess:
    """Not at all when ``is_offline``. ``ca_files`` (PEM) are trusted in addition to the system's authorities."""

    is_offline: bool = False
    ca_files: tuple[str, ...] = ()


ANY_SERVER = WebAccess()
"""Without any authorities but the system's."""
