"""The disc of a board that UEFI starts: what ``iso-efi`` and ``iso-efi-initrd`` share (boot.md section 2.5).

Kernel and initrd are on the EFI system partition, the same files as on the board's disk. LinuxKit's own ``iso-efi`` has
the root on the disc and needs a kernel with the drivers for that built in; with the initrd every kernel starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import efi_disc, fat, ids
from lkboard.formats.boot_disk import boot_files

if TYPE_CHECKING:
    from lkboard.formats.format import BuildInput
    from lkboard.model.extents import ExtentMap

_LABEL = "LINUXKIT"


def plan(build: BuildInput) -> ExtentMap:
    """Return the disc of the board of a build. Raises `BuildError` as `boot_files` and `disk.efi_disc.plan` do."""
    board = build.board
    assert board is not None, "the app chooses a board for every format that has boards"
    files = boot_files(build, board)
    seed = ids.seed(files, build.job.check)
    esp = fat.plan(files, label=_LABEL, volume_id=ids.number(seed, "volume"), epoch=build.epoch)
    return efi_disc.plan(esp, label=_LABEL, seed=seed, epoch=build.epoch)
