"""Why something is in a system, and what it costs there: the answers of ``explain``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.rootfs import Fate


@dataclass(frozen=True, slots=True)
class LayerUse:
    """A layer of an image: the ``number``-th from the bottom of ``count``, and the command that made it, if known."""

    number: int
    count: int
    digest: str
    history: str = ""


@dataclass(frozen=True, slots=True)
class Maker:
    """Who put something into a system.

    ``location`` is the entry of the config (``services[0]``), ``name`` what the entry is called there, ``place`` its
    ``file:line:column``; ``image`` is a reference with the digest that it had. ``made`` says what lkboard made the
    thing for, where no layer has it as it is.
    """

    location: str
    name: str = ""
    place: str = ""
    image: str = ""
    layer: LayerUse | None = None
    made: str = ""

    def __str__(self) -> str:
        """Return ``services[0] web, layer 1 of 2``, as far as it is known."""
        who = " ".join(filter(None, (self.location, self.name)))
        return f"{who}, layer {self.layer.number} of {self.layer.count}" if self.layer else who


@dataclass(frozen=True, slots=True)
class Replaced:
    """What was at a path before, who put it there, how it got lost and to whom."""

    kind: str
    mode: str
    size_bytes: int
    maker: Maker
    fate: Fate
    by: Maker


@dataclass(frozen=True, slots=True)
class Part:
    """What one entry of the config has put below a folder."""

    location: str
    name: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """All about one path of a system, and what is below it.

    ``mode`` is octal text. ``size_bytes`` and ``files`` are those of everything at and below the path, a file with
    several names counted once; ``initrd_bytes`` is about what that takes in a compressed initrd, None for what boot
    loaders load beside it. ``names`` are further names of the file, ``users`` the containers that share its image.
    """

    path: str
    kind: str
    mode: str
    uid: int
    gid: int
    maker: Maker
    files: int
    size_bytes: int
    initrd_bytes: int | None
    link: str = ""
    device: tuple[int, int] | None = None
    names: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """What one entry of the config, or one section, takes of a system.

    ``initrd_bytes`` is what it takes in a compressed initrd, without the ``boot_bytes`` that boot loaders load beside
    it.
    """

    maker: Maker
    files: int
    size_bytes: int
    boot_bytes: int
    initrd_bytes: int


@dataclass(frozen=True, slots=True)
class Makeup:
    """What a system is made of: its shares, the largest first, and their sums."""

    shares: tuple[Share, ...]
    files: int
    size_bytes: int
    boot_bytes: int
    initrd_bytes: int
