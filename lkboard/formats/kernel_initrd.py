"""``kernel+initrd``: kernel, initrd and command line as files (build.md section 6.2)."""

from __future__ import annotations

from lkboard.disk.content import concatenate, encode
from lkboard.formats.format import BuildInput, Format, PlannedFile
from lkboard.model.extents import EMPTY, Content


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    from lkboard.rootfs.bootparts import boot_parts

    parts = boot_parts(build.rootfs, build.cache_dir, build.job)
    # the kernel looks for microcode in an uncompressed archive at the very start
    initrd = (parts.microcode or EMPTY) + parts.initrd
    contents = (
        ("-kernel", parts.kernel or EMPTY),
        ("-initrd.img", initrd),
        ("-cmdline", Content.of(encode(parts.cmdline))),
    )
    return tuple(PlannedFile(suffix, concatenate([content])) for suffix, content in contents if content.size)


FORMAT = Format(
    name="kernel+initrd",
    title="kernel, initrd and command line as files",
    outputs=("-kernel", "-initrd.img", "-cmdline"),
    plan=_plan,
    shared=("-kernel", "-cmdline"),
)
