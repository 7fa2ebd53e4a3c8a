"""What is put beside a file: its sha256 as ``sha256sum -c`` reads it, and the block map of the image in it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from lkboard.disk import bmap
from lkboard.model.artifact import SIDECARS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lkboard.model.artifact import Sidecar
    from lkboard.model.extents import ExtentMap


def sidecar_path(path: Path, kind: Sidecar) -> Path:
    """Return where the sidecar of a file is."""
    return path.with_name(f"{path.name}.{kind}")


def sidecar_paths(path: Path) -> tuple[Path, ...]:
    """Return where all sidecars are that a file may have."""
    return tuple(sidecar_path(path, kind) for kind in SIDECARS)


def sum_line(digest: str, name: str) -> bytes:
    """Return the line that ``sha256sum -c`` wants; in names that would break it, it wants escapes."""
    raw = os.fsencode(name)
    escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if escaped != raw else b"") + digest.encode() + b"  " + escaped + b"\n"


class Sums:
    """The sums that sidecars hold, made of the bytes of a file and of the image in it while they pass by."""

    def __init__(self, kinds: Sequence[Sidecar], extents: ExtentMap) -> None:
        self._kinds = kinds
        self._image_size = extents.size
        self._file = hashlib.sha256()
        self._ranges = bmap.block_ranges(extents) if "bmap" in kinds else ()
        self._blocks = bmap.RangeSums(self._ranges)

    def take_file(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the file as it is on the disk."""
        if "sha256" in self._kinds:
            self._file.update(data)

    def take_image(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the image, which a compressed file does not have."""
        self._blocks.update(data)

    @property
    def sha256(self) -> str:
        """The sum of the file in hex, empty when no sidecar holds it."""
        return self._file.hexdigest() if "sha256" in self._kinds else ""

    def text(self, kind: Sidecar, name: str) -> bytes:
        """Return what the sidecar of the finished file ``name`` says."""
        if kind == "sha256":
            return sum_line(self.sha256, name)
        return bmap.document(self._image_size, self._ranges, self._blocks.sums())
