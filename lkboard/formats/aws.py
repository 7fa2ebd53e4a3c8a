"""``aws``: a raw disk of a given size, to be imported as a snapshot (build.md section 6.13)."""

from __future__ import annotations

from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile(".raw", boot_disk.plan(build, usual_size=boot_disk.VIRTUAL_SIZE)),)


FORMAT = Format(
    name="aws",
    title="raw disk image for Amazon's cloud",
    outputs=(".raw",),
    plan=_plan,
    architectures=("amd64", "arm64"),
    boards={"amd64": "x86-bios", "arm64": "arm64-efi"},
    sidecars=("sha256", "bmap"),
    is_disk=True,
)
