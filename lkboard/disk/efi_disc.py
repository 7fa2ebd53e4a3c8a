"""A disc for UEFI: ISO 9660 with an El Torito entry and a GPT, both of which lead to one EFI system partition.

Sources: ECMA-119 for the volume, the UEFI specification for the entry (section 13.3.2.1) and for the table (5.3). Read
as a CD, firmware follows the entry; on a USB stick it follows the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import gpt, ids, image, iso9660
from lkboard.disk.content import as_content
from lkboard.disk.el_torito import BootImage
from lkboard.disk.iso_folder import BLOCK_SIZE
from lkboard.errors import BuildError
from lkboard.model.disk import SECTOR_SIZE, BootFile, DiskLayout, Partition, RawBlob
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from lkboard.model.extents import ExtentMap

_IMAGE = "esp.img"
_ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_TO_THE_END = 1
_MAX_SECTORS = (1 << 16) - 1
_SIZE_LIMIT = (1 << 32) - BLOCK_SIZE
"""The largest file of a volume that every reader understands."""


def plan(esp: ExtentMap, *, label: str, seed: bytes, epoch: int) -> ExtentMap:
    """Return a disc that UEFI starts from the file system ``esp``.

    ``label`` is the name of the volume (upper-case letters, digits, ``_``), ``seed`` makes the identities of the table,
    ``epoch`` is the time of all that the volume has. Raises `BuildError` when the file system is too large for a disc.
    """
    if esp.size > _SIZE_LIMIT:
        raise BuildError(f"a disc holds files of up to 4 GiB, the boot file system has {esp.size >> 20} MiB")
    sectors = esp.size // SECTOR_SIZE
    boot = BootImage(_IMAGE, "uefi", sectors if sectors <= _MAX_SECTORS else _TO_THE_END)
    entries = iso9660.file_entries([BootFile(_IMAGE, as_content(esp))], epoch)
    volume = iso9660.plan(entries, label=label, epoch=epoch, boot=boot)
    start = volume.boot_block * BLOCK_SIZE
    partition = Partition(
        number=1,
        start_sector=start // SECTOR_SIZE,
        size_sectors=sectors,
        type=_ESP_TYPE,
        name="EFI System",
        content=esp,
        unique_id=ids.guid(seed, "partition 1"),
    )
    blocks = -(-(volume.extents.size + gpt.TAIL_SECTORS * SECTOR_SIZE) // BLOCK_SIZE)
    layout = DiskLayout(
        table="gpt",
        disk_id=ids.guid(seed, "disc"),
        total_sectors=blocks * BLOCK_SIZE // SECTOR_SIZE,
        partitions=(partition,),
        raw=tuple(
            RawBlob(extent.offset, Content((extent.source,)))
            for extent in volume.extents.extents
            if extent.offset < start
        ),
    )
    return image.plan(layout)
