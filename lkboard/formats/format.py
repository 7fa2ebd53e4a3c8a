"""What an output format is: each module beside this one that has a constant FORMAT is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import BoardError
from lkboard.model.rootfs import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lkboard.events import Job
    from lkboard.model.artifact import Sidecar
    from lkboard.model.board import Board
    from lkboard.model.disk import BootFile
    from lkboard.model.extents import Content, ExtentMap
    from lkboard.model.rootfs import Rootfs


def no_part(name: str) -> Content:
    """Stand in for the parts of a board where there is no board. Raises `BoardError`."""
    raise BoardError(f"there is no board that has the part '{name}'", hint="name one: --board ID")


@dataclass(frozen=True, slots=True)
class BuildInput:
    """What a format is made from.

    ``architecture`` is in Go's names; ``cache_dir`` holds encoded segments; ``board`` and the files that come with it
    are there for formats that need a board, and ``part`` fetches one of the board's parts by its name (raises
    `BoardError` when it has none, and what fetching raises). ``is_unified`` asks for a unified kernel image in the
    place of the boot loader. ``size_bytes`` is that of the whole disk, 0 for the format's usual one. ``epoch`` is the
    time of everything that lkboard makes up.
    """

    rootfs: Rootfs
    architecture: str
    cache_dir: Path
    job: Job
    board: Board | None = None
    board_files: tuple[BootFile, ...] = ()
    part: Callable[[str], Content] = no_part
    is_unified: bool = False
    size_bytes: int = 0
    epoch: int = EPOCH


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One output: its bytes, and what is put behind the base name (``-kernel``)."""

    suffix: str
    extents: ExtentMap


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, the Debian package that has it, how to ask for its version, and the oldest that will do."""

    name: str
    package: str
    version_option: str
    oldest: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of output.

    ``outputs`` are the suffixes of all files that it can make, in their order. No ``architectures`` means any. A
    stream format makes one file that may go to standard output. ``boards`` is None for formats that need no board,
    else the board that is taken for an architecture when the user names none. ``tools`` are the programs of others that
    make its bytes. ``sidecars`` are put beside its files unless the user says otherwise: for disks a sum, and a block
    map if a medium takes the file as it is. A format that ``is_disk`` has the size that is asked for. ``shared`` are
    the outputs that are the same bytes whichever format makes them. ``plan`` raises `BuildError`, and `Cancelled`
    through the job.
    """

    name: str
    title: str
    outputs: tuple[str, ...]
    plan: Callable[[BuildInput], tuple[PlannedFile, ...]]
    architectures: tuple[str, ...] = ()
    is_stream: bool = False
    boards: Mapping[str, str] | None = None
    tools: tuple[Tool, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    shared: tuple[str, ...] = ()
    is_disk: bool = False
