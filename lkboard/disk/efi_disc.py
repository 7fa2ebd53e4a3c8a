"""A disc for UEFI: ISO 9660 with an El Torito entry and a GPT, both of which lead to one EFI system partition.

Sources: ECMA-119 for the volume, the UEFI specification for the entry (section 13.3.2.1) and for the table (5.3). Read
as a CD, firmware follows the entry; on a USB stick it follows the table. pycdlib lays out the volume; the table is our
own, as that of pycdlib has wrong sums (libs.md section 2).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from lkboard.disk import gpt, ids, image
from lkboard.disk.iso_clock import standing_clock
from lkboard.errors import BuildError
from lkboard.model.disk import SECTOR_SIZE, DiskLayout, Partition, RawBlob
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from lkboard.model.extents import ExtentMap

_BLOCK_SIZE = 2048
_EFI = 0xEF
_IMAGE, _CATALOG = "/ESP.IMG;1", "/BOOT.CAT;1"
_ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_TO_THE_END = 1
_MAX_SECTORS = (1 << 16) - 1
_SIZE_LIMIT = (1 << 32) - _BLOCK_SIZE
"""The largest file of a volume that every reader understands."""


def plan(esp: ExtentMap, *, label: str, seed: bytes, epoch: int) -> ExtentMap:
    """Return a disc that UEFI starts from the file system ``esp``.

    ``label`` is the name of the volume (upper-case letters, digits, ``_``), ``seed`` makes the identities of the table,
    ``epoch`` is the time of all that the volume has. Raises `BuildError` when the file system is too large for a disc.
    """
    if esp.size > _SIZE_LIMIT:
        raise BuildError(f"a disc holds files of up to 4 GiB, the boot file system has {esp.size >> 20} MiB")
    volume, start = _volume(esp.size, label, epoch)
    partition = Partition(
        number=1,
        start_sector=start // SECTOR_SIZE,
        size_sectors=esp.size // SECTOR_SIZE,
        type=_ESP_TYPE,
        name="EFI System",
        content=esp,
        unique_id=ids.guid(seed, "partition 1"),
    )
    blocks = -(-(volume.end + gpt.TAIL_SECTORS * SECTOR_SIZE) // _BLOCK_SIZE)
    layout = DiskLayout(
        table="gpt",
        disk_id=ids.guid(seed, "disc"),
        total_sectors=blocks * _BLOCK_SIZE // SECTOR_SIZE,
        partitions=(partition,),
        raw=volume.blobs,
    )
    return image.plan(layout)


def _volume(size: int, label: str, epoch: int) -> tuple[_Volume, int]:
    """Return a volume with a boot image of ``size`` bytes, all of it but the image, and where the image starts."""
    from pycdlib import PyCdlib

    sectors = size // SECTOR_SIZE
    volume = _Volume()
    with standing_clock(epoch):
        iso = PyCdlib()
        iso.new(vol_ident=label)
        iso.add_fp(cast("BinaryIO", _Blank()), size, _IMAGE)
        iso.add_eltorito(
            _IMAGE,
            _CATALOG,
            platform_id=_EFI,
            boot_load_size=sectors if sectors <= _MAX_SECTORS else _TO_THE_END,
        )
        iso.write_fp(cast("BinaryIO", volume), blocksize=1 << 20)
        start = iso.get_record(iso_path=_IMAGE).extent_location() * _BLOCK_SIZE
        iso.close()
    return volume, start


class _Blank(io.RawIOBase):
    """Stands in for the boot image, whose bytes are not needed to lay out a volume."""

    def read(self, size: int = -1) -> bytes:
        """Return zeros."""
        return bytes(size)

    def seek(self, offset: int, _whence: int = 0) -> int:
        """Every place is the same."""
        return offset


class _Volume(io.RawIOBase):
    """Takes what pycdlib writes and keeps what is not zero."""

    def __init__(self) -> None:
        self._pieces: dict[int, bytes] = {}
        self._position = 0
        self.end = 0

    def write(self, data: ReadableBuffer) -> int:
        """Keep a piece unless it is all zeros."""
        piece = bytes(data)
        if piece != bytes(len(piece)):
            self._pieces[self._position] = piece
        self._position += len(piece)
        self.end = max(self.end, self._position)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the start, or from here."""
        self._position = offset + (self._position if whence == io.SEEK_CUR else 0)
        return self._position

    def tell(self) -> int:
        """Return where the next piece goes."""
        return self._position

    @property
    def blobs(self) -> tuple[RawBlob, ...]:
        """All that was kept."""
        return tuple(RawBlob(offset, Content.of(piece)) for offset, piece in self._pieces.items())
