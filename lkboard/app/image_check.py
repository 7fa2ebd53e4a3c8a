"""The independent look at what was written: by readers that share nothing with the writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import VerifyFailed

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.disk.inspect import FoundPartition

_SIZE_LIMIT = 1 << 30
"""Bytes of a FAT that is looked at: the reader takes seconds for the tables of larger ones."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Partitions (number, offset, size in bytes) of an image, and path and size of each file in a FAT partition 1.

    Both are empty where the readers understand nothing, so that any image can be written.
    """

    partitions: tuple[tuple[int, int, int], ...] = ()
    files: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, path: Path) -> Contents:
        """Read the contents of an image file or device."""
        from lkboard.disk.inspect import partitions
        from lkboard.errors import DiskInvalid

        try:
            found = partitions(path)
        except DiskInvalid:
            return cls()
        places = tuple((partition.number, partition.start_bytes, partition.size_bytes) for partition in found)
        return cls(places, _files(path, found[0]) if found else ())

    def check(self, medium: Path) -> None:
        """Raise `VerifyFailed` when a medium does not have these contents.

        Nothing is compared when none were found: a table that is damaged in the image (its backup is cut off) is
        mended on its way to a larger device.
        """
        if not self.partitions:
            return
        written = Contents.of(medium)
        if written.partitions != self.partitions:
            raise VerifyFailed("the partitions cannot be read back as they were written", where=medium)
        if written.files != self.files:
            missing = sorted({name for name, _size in self.files} - {name for name, _size in written.files})
            what = f"the file '{missing[0]}'" if missing else "the boot files"
            raise VerifyFailed(f"{what} cannot be read back from partition 1", where=medium)


def _files(path: Path, partition: FoundPartition) -> tuple[tuple[str, int], ...]:
    from lkboard.devices.probe import probe
    from lkboard.disk.fat_reader import FatReader
    from lkboard.errors import DiskInvalid

    if partition.size_bytes > _SIZE_LIMIT or probe(path, partition.start_bytes)[0] != "vfat":
        return ()
    try:
        with FatReader(path, partition.start_bytes) as reader:
            return tuple((name, reader.size(name)) for name in reader.files())
    except DiskInvalid:
        return ()
