"""``kernel+erofs``: the root as a read-only file system that is read in place (build.md section 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import ids, tar
from lkboard.formats import root_image
from lkboard.formats.external_tool import Tool, pack
from lkboard.formats.format import BuildInput, Format, PlannedFile
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from lkboard.model.extents import Content
    from lkboard.model.rootfs import Rootfs

# 1.7 was the first that reads archives, 1.8 tells the time of the whole from that of files
_TOOL = Tool("mkfs.erofs", "erofs-utils", "--version", (1, 8))
_SECOND = 1_000_000_000


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    def make(rest: Rootfs) -> Content:
        root = Entry(".", Kind.DIRECTORY, 0o755, mtime_ns=build.epoch * _SECOND)
        has_root = any(entry.path == "." for entry in rest.entries)
        archive = tar.plan(rest.entries if has_root else (root, *rest.entries), with_origin=False)
        identity = ids.guid(ids.map_seed(archive), "file system").lower()
        times = (f"-T{build.epoch}", "--mkfs-time", "--preserve-mtime")
        return pack(_TOOL, archive, ("--quiet", f"-U{identity}", *times, "--tar=f", "{output}"), build)

    return root_image.plan(build, "-erofs.img", make)


FORMAT = Format(
    name="kernel+erofs",
    title="kernel, command line and root as erofs",
    outputs=("-kernel", "-cmdline", "-erofs.img"),
    plan=_plan,
    tools=(_TOOL,),
    shared=("-kernel", "-cmdline"),
)
