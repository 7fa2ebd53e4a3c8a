"""``tar``: the root file system as one archive (build.md section 6)."""

from __future__ import annotations

from lkboard.disk import tar
from lkboard.formats.format import BuildInput, Format, PlannedFile


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    return (PlannedFile(".tar", tar.plan(build.rootfs.described)),)


FORMAT = Format(
    name="tar",
    title="root file system as a tar archive",
    outputs=(".tar",),
    plan=_plan,
    is_stream=True,
)
