"""``vhd``: a disk of fixed size for Azure and Hyper-V (build.md section 6.11)."""

from __future__ import annotations

from lkboard.disk import vhd
from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    disk = boot_disk.plan(build, usual_size=boot_disk.VIRTUAL_SIZE)
    return (PlannedFile(".vhd", vhd.plan_fixed(disk, epoch=build.epoch, on_chunk=build.job.check)),)


FORMAT = Format(
    name="vhd",
    title="VHD disk of fixed size, for Azure and Hyper-V",
    outputs=(".vhd",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-bios", "arm64": "arm64-efi"},
    sidecars=("sha256",),
    is_disk=True,
)
