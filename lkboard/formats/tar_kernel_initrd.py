"""``tar-kernel-initrd``: kernel, initrd and command line in one archive (build.md section 6.3)."""

from __future__ import annotations

from lkboard.disk import tar
from lkboard.disk.content import encode
from lkboard.formats.format import BuildInput, Format, PlannedFile
from lkboard.model.extents import EMPTY, Content
from lkboard.model.rootfs import Entry, Kind

_MODE = 0o644
_SECOND = 1_000_000_000


def _plan(build: BuildInput) -> tuple[PlannedFile, ...]:
    from lkboard.rootfs.bootparts import boot_parts

    parts = boot_parts(build.rootfs, build.cache_dir, build.job)
    contents = (
        ("kernel", parts.kernel or EMPTY),
        ("initrd.img", parts.initrd),
        ("cmdline", Content.of(encode(parts.cmdline))),
        ("ucode.cpio", parts.microcode or EMPTY),
    )
    entries = [
        Entry(name, Kind.FILE, _MODE, mtime_ns=build.epoch * _SECOND, content=content)
        for name, content in contents
        if content.size
    ]
    return (PlannedFile("-initrd.tar", tar.plan(entries)),)


FORMAT = Format(
    name="tar-kernel-initrd",
    title="kernel, initrd and command line in a tar archive",
    outputs=("-initrd.tar",),
    plan=_plan,
)
