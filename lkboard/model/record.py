"""The record of a build: what it was made of, and what it made, by digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.config import ConfigSource
    from lkboard.model.lock import LockedTool


@dataclass(frozen=True, slots=True)
class RecordedOptions:
    """The options that change bytes.

    ``sbom`` is where the bill of materials is in the system, empty for none, and ``sbom_created`` the time that it
    bears, in Unix seconds. ``size_bytes`` is that of disks, 0 for what is usual for the format.
    """

    compression: str
    decompress_kernel: bool
    sbom: str
    sbom_created: int
    size_bytes: int
    unified_kernel: bool


@dataclass(frozen=True, slots=True)
class RecordedHostFile:
    """A file of the machine that built, which the config puts at a ``path`` of the system."""

    path: str
    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RecordedImage:
    """An image; ``digest`` is that of its index, or of its manifest when it has none.

    ``platform`` and ``manifest`` say which image of the index was used; they are empty where all of it was.
    """

    reference: str
    digest: str
    platform: str = ""
    manifest: str = ""


@dataclass(frozen=True, slots=True)
class RecordedBoard:
    """A board; the sum is that of its ``board.yml``."""

    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RecordedBoardFile:
    """Firmware, a boot loader or another file or part ``to`` of a board; of a text the template."""

    board: str
    to: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RecordedOutput:
    """A finished file, without its folder. ``format`` names what made it."""

    name: str
    format: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """All that decides about the bytes of a build, and their sums; ``sha256`` are in hex, digests name their algorithm.

    ``lkboard`` is its version, ``epoch`` the time of everything that was made up, in Unix seconds. ``configs`` are in
    the order in which they were merged, everything else is sorted.
    """

    lkboard: str
    architecture: str
    formats: tuple[str, ...]
    epoch: int
    options: RecordedOptions
    configs: tuple[ConfigSource, ...]
    host_files: tuple[RecordedHostFile, ...]
    images: tuple[RecordedImage, ...]
    boards: tuple[RecordedBoard, ...]
    board_files: tuple[RecordedBoardFile, ...]
    tools: tuple[LockedTool, ...]
    outputs: tuple[RecordedOutput, ...]
