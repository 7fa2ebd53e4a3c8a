"""The noun of Debian's archive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One version of a package. ``sha256`` and ``size`` (bytes) are of the file, ``suite`` is where it was found.

    ``architecture`` is the one that it was asked for, also where the package itself is for all of them.
    """

    name: str
    version: str
    architecture: str
    sha256: str
    size: int
    suite: str

    @property
    def digest(self) -> str:
        """The digest of the package file: its key in the store."""
        return f"sha256:{self.sha256}"
