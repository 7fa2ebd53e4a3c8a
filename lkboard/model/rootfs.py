"""The assembled tree: entries in archive order, grouped in segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from lkboard.model.extents import EMPTY, Content

EPOCH = 1492533000
"""Unix time of everything that lkboard makes up: 2017-04-18T16:30:00Z, as LinuxKit (build.md, conventions)."""


class Kind(Enum):
    """What an entry is; the values are the type flags of tar (POSIX pax, ustar header)."""

    FILE = "0"
    HARDLINK = "1"
    SYMLINK = "2"
    CHAR = "3"
    BLOCK = "4"
    DIRECTORY = "5"
    FIFO = "6"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry comes from.

    ``source`` is a canonical image reference, or ``linuxkit.files``, ``linuxkit.volumes``, ``LINUXKIT.apkinit``,
    ``empty``; ``location`` the place in the config (``services[0]``); ``layer`` the digest of the layer, if any. The
    first two become the records LINUXKIT.source and LINUXKIT.location of a tar. ``made`` says in words what lkboard
    made the entry for, if no layer has it; it only explains, and does not tell one origin from another.
    """

    source: str
    location: str
    layer: str = ""
    made: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, directory, link or device.

    ``path`` has no leading slash, no ``.`` or ``..`` (a ``.`` alone is the root directory itself); bytes that are not
    UTF-8 are kept as surrogate escapes. ``mode`` holds the permission bits (07777); bits of the file type that a layer
    has above them mean nothing, and only tars pass them on. ``link`` is a symlink's target as written, or the path of
    the entry that a hard link repeats. ``mtime_ns`` is nanoseconds since 1970. ``pax`` holds further records of the
    layer (``SCHILY.xattr.*``), values as bytes.
    """

    path: str
    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    mtime_ns: int = EPOCH * 1_000_000_000
    link: str = ""
    device: tuple[int, int] = (0, 0)
    content: Content = EMPTY
    uname: str = ""
    gname: str = ""
    pax: tuple[tuple[str, bytes], ...] = ()
    origin: Origin = Origin("", "")
    is_implied: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """The entries of one image under one prefix (or of one section), in archive order: parents before children.

    ``name`` is for people (``services[0] docker.io/library/nginx``); the key under which an encoded segment is cached
    is derived from the entries.
    """

    name: str
    entries: tuple[Entry, ...]


Fate = Literal["replaced", "whiteout", "left out"]
"""How an entry is lost: something else has its path, a layer deletes it, or no system has it (build.md section 5.5)."""


@dataclass(frozen=True, slots=True)
class Loss:
    """An entry that was at ``path`` before ``by`` took it away."""

    path: str
    entry: Entry
    by: Origin
    fate: Fate


@dataclass(frozen=True, slots=True)
class Rootfs:
    """The whole tree. No path occurs twice over all segments, and a parent comes before what it contains.

    ``losses`` are in the order in which they happened, and only there if somebody has asked for them.
    """

    segments: tuple[Segment, ...]
    losses: tuple[Loss, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries in archive order."""
        return tuple(entry for segment in self.segments for entry in segment.entries)

    @property
    def described(self) -> tuple[Entry, ...]:
        """All entries but implied directories."""
        return tuple(entry for entry in self.entries if not entry.is_implied)


@dataclass(frozen=True, slots=True)
class BootParts:
    """What a boot loader hands over: kernel, initrd, command line, microcode (None where the config has none)."""

    kernel: Content | None
    initrd: Content
    cmdline: str
    microcode: Content | None = None
