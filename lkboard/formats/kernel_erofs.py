"""``kernel+erofs``: the root as a read-only file system that is read in place (build.md section 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import erofs
from lkboard.formats import root_image
from lkboard.formats.format import BuildInput, Format, PlannedFile

if TYPE_CHECKING:
    from lkboard.model.extents import ExtentMap
    from lkboard.model.rootfs import Rootfs


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    def make(rest: Rootfs) -> ExtentMap:
        return erofs.plan(rest.entries, epoch=build.epoch, on_chunk=build.job.check)

    return root_image.plan(build, "-erofs.img", make)


FORMAT = Format(
    name="kernel+erofs",
    title="kernel, command line and root as erofs",
    outputs=("-kernel", "-cmdline", "-erofs.img"),
    plan=_plan,
    shared=("-kernel", "-cmdline"),
)
