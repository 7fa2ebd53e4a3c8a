"""``iso-bios``: a CD image for a BIOS that also starts from a USB stick (build.md section 6.6).

LinuxKit's has the root on the disc and needs a kernel with the drivers for that built in; here the disc holds kernel
and initrd, the same files as the board's disk, so every kernel starts.
"""

from __future__ import annotations

from lkboard.disk import bios_disc, ids
from lkboard.formats.boot_disk import boot_files, grub_parts
from lkboard.formats.format import BuildInput, Format, PlannedFile

_LABEL = "LINUXKIT"


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    board = build.board
    assert board is not None, "the app chooses a board for every format that has boards"
    files = boot_files(build, board)
    parts = grub_parts(build, board, with_cd=True)
    seed = ids.seed(files, build.job.check)
    disc = bios_disc.plan(files, parts, label=_LABEL, seed=seed, epoch=build.epoch)
    return (PlannedFile(".iso", disc),)


FORMAT = Format(
    name="iso-bios",
    title="CD and USB image for a BIOS",
    outputs=(".iso",),
    plan=_plan,
    architectures=("amd64",),
    boards={"amd64": "x86-bios"},
    sidecars=("sha256", "bmap"),
)
