"""``iso-efi``: a CD image for UEFI that also starts from a USB stick (build.md section 6.7)."""

from __future__ import annotations

from lkboard.formats import efi_disc
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile("-efi.iso", efi_disc.plan(build)),)


FORMAT = Format(
    name="iso-efi",
    title="CD and USB image for UEFI",
    outputs=("-efi.iso",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-efi", "arm64": "arm64-efi"},
    sidecars=("sha256", "bmap"),
)
