"""What two systems have not in common: the answers of ``diff``.

A ``part`` of a system is a container (``services/web``), a volume (``volumes/data``), ``boot``, or ``/``: the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["more", "less", "other"]
Change = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class PrivilegeChange:
    """A right that a container, or a program outside of containers, has gained (``more``), lost, or has differently.

    ``kind`` names the right (``capability``, ``bind``), ``subject`` what it is about (``CAP_NET_ADMIN``); ``before``
    and ``after`` are how far it goes, empty for not at all.
    """

    part: str
    kind: str
    subject: str
    before: str
    after: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting of a container that is no right."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """A container that came, went or is another. Images are references with digests, as far as they are known."""

    part: str
    change: Change
    image_before: str = ""
    image_after: str = ""
    settings: tuple[SettingChange, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """A path that came, went or is something else; ``details`` say what of it is (``content``, ``mode 0644 -> 0755``).

    A folder that came or went stands for all that is in it: ``files`` counts these, ``size_…`` are their bytes.
    """

    path: str
    part: str
    change: Change
    details: tuple[str, ...]
    files: int
    size_before: int
    size_after: int


@dataclass(frozen=True, slots=True)
class SizeChange:
    """How many bytes of files a part of the system has."""

    part: str
    size_before: int
    size_after: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is not the same in two systems. ``notes`` say what could not be compared.

    ``cmdline_…`` are the kernel's command lines, both None where one is not known.
    """

    privileges: tuple[PrivilegeChange, ...]
    services: tuple[ServiceChange, ...]
    files: tuple[FileChange, ...]
    sizes: tuple[SizeChange, ...]
    size_before: int
    size_after: int
    cmdline_before: str | None = None
    cmdline_after: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether the systems are the same, as far as they can be compared."""
        has_changes = self.privileges or self.services or self.files
        return not has_changes and self.cmdline_before == self.cmdline_after
