"""``raw-bios``: a disk with an MBR, GRUB in front of the partition, and FAT32 (boot.md section 2.3)."""

from __future__ import annotations

from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile("-bios.img", boot_disk.plan(build)),)


FORMAT = Format(
    name="raw-bios",
    title="disk image for a BIOS",
    outputs=("-bios.img",),
    plan=_plan,
    architectures=("amd64",),
    boards={"amd64": "x86-bios"},
    sidecars=("sha256", "bmap"),
    is_disk=True,
)
