"""``kernel+squashfs``: the root as a compressed read-only file system (build.md section 6.5)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lkboard.disk import tar
from lkboard.disk.content import concatenate
from lkboard.disk.squashfs import set_root_time
from lkboard.formats import root_image
from lkboard.formats.external_tool import pack
from lkboard.formats.format import BuildInput, Format, PlannedFile, Tool
from lkboard.model.rootfs import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkboard.model.extents import Content, ExtentMap
    from lkboard.model.rootfs import Rootfs

_TOOL = Tool("mksquashfs", "squashfs-tools", "-version", (4, 5))
_SECOND = 1_000_000_000
_LATEST_NS = ((1 << 32) - 1) * _SECOND
# zstd at this level takes a tenth of the time of gzip, for the same size (libs.md section 7)
_COMPRESSION = ("-comp", "zstd", "-Xcompression-level", "3")
# mksquashfs would take a quarter of the machine's memory for its queues; the bytes do not depend on it
_MEMORY = ("-mem", "128M")


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    def squash(rest: Rootfs) -> ExtentMap:
        return concatenate([_squash(rest.entries, build)])

    return root_image.plan(build, "-squashfs.img", squash)


def _squash(entries: Sequence[Entry], build: BuildInput) -> Content:
    """Return the file system. Inodes are not compressed (about 1 % more), so that the root's time can be set."""
    entries = [replace(entry, mtime_ns=min(max(entry.mtime_ns, 0), _LATEST_NS)) for entry in entries]
    made_up = Entry(".", Kind.DIRECTORY, 0o755, mtime_ns=build.epoch * _SECOND)
    root = next((entry for entry in entries if entry.path == "."), made_up)
    archive = tar.plan([entry for entry in entries if entry.path != "."], with_origin=False)
    options = ("-tar", "-noappend", "-no-progress", "-quiet", "-root-mode", f"{root.mode:o}", "-noI", *_COMPRESSION)
    finish = partial(set_root_time, seconds=root.mtime_ns // _SECOND)
    words = ("-", "{output}", *options, *_MEMORY, "-mkfs-time", str(build.epoch))
    return pack(_TOOL, archive, words, build, finish=finish)


FORMAT = Format(
    name="kernel+squashfs",
    title="kernel, command line and root as squashfs",
    outputs=("-kernel", "-cmdline", "-squashfs.img"),
    plan=_plan,
    tools=(_TOOL,),
    shared=("-kernel", "-cmdline"),
)
