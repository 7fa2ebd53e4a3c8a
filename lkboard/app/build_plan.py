"""What a build will do: its formats, and the files that they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.app.finishing import with_compression

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import Format
    from lkboard.model.artifact import Compression, Sidecar
    from lkboard.model.board import Board


@dataclass(frozen=True, slots=True)
class PlannedFormat:
    """One format of a build, the board it is for (if it needs one), and where its files go.

    ``base`` is the path to which a format adds its suffixes; with ``is_exact`` it is the path of the only file.
    ``compression`` and ``sidecars`` are those of each file. ``left_out`` are the outputs that another format makes, the
    same bytes.
    """

    format: Format
    board: Board | None
    base: Path
    is_exact: bool = False
    compression: Compression | None = None
    sidecars: tuple[Sidecar, ...] = ()
    left_out: tuple[str, ...] = ()

    def path_of(self, suffix: str) -> Path:
        """Return the path of the output with a suffix of the format."""
        if self.is_exact:
            return self.base
        return with_compression(self.base.with_name(self.base.name + suffix), self.compression)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that may be made."""
        return tuple(self.path_of(suffix) for suffix in self.format.outputs if suffix not in self.left_out)

    @property
    def sidecar_paths(self) -> tuple[Path, ...]:
        """All files that may be put beside them."""
        from lkboard.disk.sidecars import sidecar_path

        return tuple(sidecar_path(path, kind) for path in self.paths for kind in self.sidecars)


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What a build will do.

    With ``to_stdout`` the single file of the single format is streamed instead. ``is_unified``: UEFI starts a unified
    kernel image, not a boot loader. ``decompresses_kernel``: it is unpacked where no boot loader needs it packed.
    ``size_bytes`` is that of disks, 0 for what is usual for the format. ``record`` is where the record of the build
    goes, if there is to be one. ``target`` is the file that is replaced in the end, when the planned one is only on the
    way to it.
    """

    architecture: str
    formats: tuple[PlannedFormat, ...]
    to_stdout: bool = False
    is_unified: bool = False
    decompresses_kernel: bool = False
    size_bytes: int = 0
    record: Path | None = None
    target: Path | None = None
