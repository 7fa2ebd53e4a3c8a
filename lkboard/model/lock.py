"""The lock: exactly what a build is made of, by digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.package import Package


@dataclass(frozen=True, slots=True)
class LockedImage:
    """An image by the canonical text of its reference; ``digest`` is that of its index, or of its only manifest."""

    reference: str
    digest: str


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A Debian package; ``wanted`` is the name that was asked for (a kernel's meta package leads to another name)."""

    wanted: str
    package: Package


@dataclass(frozen=True, slots=True)
class LockedFile:
    """The file or part ``to`` of a board; ``licence`` is what ``board.yml`` says of it."""

    board: str
    to: str
    sha256: str
    licence: str = ""


@dataclass(frozen=True, slots=True)
class LockedTool:
    """An external program whose output is the same for the same version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Lock:
    """What may be used, and nothing else. ``place`` is its file, ``remake`` the command that makes it anew."""

    images: tuple[LockedImage, ...] = ()
    packages: tuple[LockedPackage, ...] = ()
    files: tuple[LockedFile, ...] = ()
    tools: tuple[LockedTool, ...] = ()
    place: str = field(default="", compare=False)
    remake: str = field(default="", compare=False)

    def digest_of(self, reference: str) -> str | None:
        """Return the digest of an image by its canonical reference, None when it is not locked."""
        return next((image.digest for image in self.images if image.reference == reference), None)

    def packages_of(self, wanted: str, architecture: str) -> tuple[Package, ...]:
        """Return the locked versions of a Debian package; empty when there are none."""
        return tuple(
            locked.package
            for locked in self.packages
            if (locked.wanted, locked.package.architecture) == (wanted, architecture)
        )

    def sha256s_of(self, board: str, to: str) -> tuple[str, ...]:
        """Return what the bytes of a board's file ``to`` may be; several when a file and a part have one name."""
        return tuple(file.sha256 for file in self.files if (file.board, file.to) == (board, to))

    def version_of(self, tool: str) -> str | None:
        """Return the version of an external program, None when it is not locked."""
        return next((locked.version for locked in self.tools if locked.name == tool), None)
