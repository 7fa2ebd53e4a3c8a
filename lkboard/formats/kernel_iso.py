"""``kernel+iso``: the root as an ISO 9660 file system (build.md section 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import iso9660
from lkboard.formats import root_image
from lkboard.formats.format import BuildInput, Format, PlannedFile

if TYPE_CHECKING:
    from lkboard.model.extents import ExtentMap
    from lkboard.model.rootfs import Rootfs

_LABEL = "LINUXKIT"
_NAME_MAX = 253
"""Linux cuts longer names on a disc (get_rock_ridge_filename in fs/isofs/rock.c)."""


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    def make(rest: Rootfs) -> ExtentMap:
        return iso9660.plan(rest.entries, label=_LABEL, epoch=build.epoch).extents

    return root_image.plan(build, ".iso", make, name_max=_NAME_MAX)


FORMAT = Format(
    name="kernel+iso",
    title="kernel, command line and root as ISO 9660",
    outputs=("-kernel", "-cmdline", ".iso"),
    plan=_plan,
    shared=("-kernel", "-cmdline"),
)
