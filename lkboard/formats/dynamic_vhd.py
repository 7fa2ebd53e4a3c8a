"""``dynamic-vhd``: a disk of 25 GiB for Hyper-V in a file that is as large as its content (build.md section 6.11)."""

from __future__ import annotations

from lkboard.disk import vhd
from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile

_SIZE = 25 << 30


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    disk = boot_disk.plan(build, usual_size=_SIZE)
    return (PlannedFile(".vhd", vhd.plan_dynamic(disk, epoch=build.epoch, on_chunk=build.job.check)),)


FORMAT = Format(
    name="dynamic-vhd",
    title="VHD disk that grows (25 GiB), for Hyper-V",
    outputs=(".vhd",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-bios", "arm64": "arm64-efi"},
    sidecars=("sha256",),
    is_disk=True,
)
