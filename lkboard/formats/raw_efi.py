"""``raw-efi``: a disk with a GPT and an EFI system partition (boot.md section 2.2)."""

from __future__ import annotations

from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile("-efi.img", boot_disk.plan(build)),)


FORMAT = Format(
    name="raw-efi",
    title="disk image for UEFI",
    outputs=("-efi.img",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-efi", "arm64": "arm64-efi"},
    sidecars=("sha256", "bmap"),
    is_disk=True,
)
