"""``--decompress-kernel``: which formats get the kernel that is inside of a compressed one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.app.build_plan import PlannedFormat
    from lkboard.formats.format import BuildInput


def with_plain_kernel(given: BuildInput, planned: PlannedFormat) -> BuildInput:
    """Return what a format is made from with the kernel unpacked, unless its boot loader starts the packed one only.

    That is so of PCs: the reference makes disks there that do not start (build.md section 5.4). Raises `ImageConflict`
    when the kernel is damaged or compressed in a way that nobody knows.
    """
    from lkboard.rootfs.bootparts import kernel_file
    from lkboard.rootfs.kernel import KERNEL
    from lkboard.rootfs.kernel import with_plain_kernel as unpacked
    from lkboard.rootfs.kernel_payload import is_bzimage

    kernel = kernel_file(given.rootfs, KERNEL)
    if planned.board and kernel and is_bzimage(kernel):
        text = f"--decompress-kernel has no effect on {planned.format.name}: its boot loader starts the packed kernel"
        given.job.note(text, "warning")
        return given
    return replace(given, rootfs=unpacked(given.rootfs))
