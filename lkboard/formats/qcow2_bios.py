"""``qcow2-bios``: the disk of ``raw-bios`` for QEMU, of a given size (build.md section 6.13)."""

from __future__ import annotations

from lkboard.disk import qcow2
from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile(".qcow2", qcow2.plan(boot_disk.plan(build, usual_size=boot_disk.VIRTUAL_SIZE))),)


FORMAT = Format(
    name="qcow2-bios",
    title="qcow2 disk image for a BIOS",
    outputs=(".qcow2",),
    plan=_plan,
    architectures=("amd64",),
    boards={"amd64": "x86-bios"},
    sidecars=("sha256",),
    is_disk=True,
)
