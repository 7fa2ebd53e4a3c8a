"""``qcow2-efi``: the disk of ``raw-efi`` for QEMU, small wherever it is copied to (build.md section 6.10)."""

from __future__ import annotations

from lkboard.disk import qcow2
from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile("-efi.qcow2", qcow2.plan(boot_disk.plan(build))),)


FORMAT = Format(
    name="qcow2-efi",
    title="qcow2 disk image for UEFI",
    outputs=("-efi.qcow2",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-efi", "arm64": "arm64-efi"},
    sidecars=("sha256",),
    is_disk=True,
)
