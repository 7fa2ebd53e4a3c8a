"""Kernel and command line beside an image of the root: what ``kernel+squashfs`` and its like share.

The kernel mounts the image: its command line has to say where it is (``root=/dev/vda``), and the kernel needs drivers
for disk and file system built in. LinuxKit's kernels have those of squashfs; Debian's load them from an initrd, which
these formats do not have. Microcode is left out with a note, as nothing here could carry it (build.md section 6.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk.content import concatenate, encode
from lkboard.disk.inodes import NAME_MAX, check_name, check_numbers
from lkboard.formats.format import PlannedFile
from lkboard.model.extents import EMPTY, Content

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkboard.formats.format import BuildInput
    from lkboard.model.extents import ExtentMap
    from lkboard.model.rootfs import Rootfs


def plan(
    build: BuildInput, suffix: str, make: Callable[[Rootfs], ExtentMap], *, name_max: int = NAME_MAX
) -> tuple[PlannedFile, ...]:
    """Return kernel and command line, as far as the config has them, and the image that ``make`` makes of the rest.

    ``name_max`` is how many bytes of a name Linux reads from it. Raises `BuildError` for what no file system holds, and
    what ``make`` raises.
    """
    from lkboard.rootfs.bootparts import split

    parts, rest = split(build.rootfs)
    if parts.microcode:
        build.job.note("microcode is left out: there is no initrd that could carry it", "warning")
    for entry in rest.entries:
        check_name(entry, name_max)
        check_numbers(entry.path, entry)
    maps = (
        ("-kernel", concatenate([parts.kernel or EMPTY])),
        ("-cmdline", concatenate([Content.of(encode(parts.cmdline))])),
        (suffix, make(rest)),
    )
    return tuple(PlannedFile(name, extents) for name, extents in maps if extents.size)
