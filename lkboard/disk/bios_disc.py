"""A disc for a BIOS: an ISO 9660 volume that GRUB starts, from a CD and, the same bytes, from a USB stick.

A CD is started through the El Torito entry. On a stick the BIOS runs the boot code in sector 0, where a partition table
is as well: its one partition is the whole volume, from its very first sector, as isohybrid makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import grub, ids, image, iso9660
from lkboard.disk.el_torito import BootImage
from lkboard.model.disk import SECTOR_SIZE, BootFile, DiskLayout, Partition, RawBlob
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.disk.iso9660 import Volume
    from lkboard.model.extents import ExtentMap

_PROGRAM = "grub/eltorito.img"
_LOAD_SECTORS = 4
# what isohybrid takes: Windows leaves it alone, Linux finds the volume on it
_HIDDEN = "17"


def plan(files: Sequence[BootFile], parts: grub.Parts, *, label: str, seed: bytes, epoch: int) -> ExtentMap:
    """Return a disc with files, among them ``grub/grub.cfg``.

    ``label`` is the name of the volume (upper-case letters, digits, ``_``), ``seed`` makes the identity of the disk,
    ``epoch`` is the time of all files. Raises `BuildError` when the parts are not those of GRUB, or for what does not
    fit on a disc.
    """

    def volume_with(block: int) -> Volume:
        program = BootFile(_PROGRAM, Content.of(grub.disc_program(parts, block)))
        entries = iso9660.file_entries((program, *files), epoch)
        return iso9660.plan(entries, label=label, epoch=epoch, boot=BootImage(_PROGRAM, "bios", _LOAD_SECTORS))

    # the program must know its own place, which does not depend on what it knows
    block = volume_with(0).boot_block
    volume = volume_with(block).extents
    sectors = volume.size // SECTOR_SIZE
    whole = Partition(1, 0, sectors, _HIDDEN, "volume", volume, is_active=True)
    boot_code = RawBlob(0, Content.of(grub.disc_boot_code(parts, block)))
    free = RawBlob(SECTOR_SIZE, Content.of(bytes(iso9660.SYSTEM_AREA - SECTOR_SIZE)))
    layout = DiskLayout("mbr", f"{ids.number(seed, 'disc'):08x}", sectors, (whole,), raw=(boot_code, free))
    return image.plan(layout)
