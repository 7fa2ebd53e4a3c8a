"""``sdcard``: the card image of a board whose firmware reads an SD card (boot.md section 2.1)."""

from __future__ import annotations

from lkboard.formats import boot_disk
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile(".img", boot_disk.plan(build)),)


FORMAT = Format(
    name="sdcard",
    title="SD card image of a board",
    outputs=(".img",),
    plan=_plan,
    boards={},
    sidecars=("sha256", "bmap"),
    is_disk=True,
)
