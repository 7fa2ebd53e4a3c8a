"""``vmdk``: a compressed disk for VMware and VirtualBox (build.md section 6.11)."""

from __future__ import annotations

from lkboard.disk import ids, vmdk
from lkboard.formats import boot_disk
from lkboard.formats.encoded import encoded
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    disk = boot_disk.plan(build, usual_size=boot_disk.VIRTUAL_SIZE)
    seed = ids.map_seed(disk, build.job.check)
    return (PlannedFile(".vmdk", encoded(build, f"{seed.hex()}.vmdk", vmdk.chunks(disk, seed))),)


FORMAT = Format(
    name="vmdk",
    title="compressed VMDK disk, for VMware and VirtualBox",
    outputs=(".vmdk",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-bios", "arm64": "arm64-efi"},
    sidecars=("sha256",),
    is_disk=True,
)
