"""What a board's boot loader hands over to the system: what all formats share that have a kernel in a board's form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkboard.errors import BuildError
from lkboard.model.extents import EMPTY

if TYPE_CHECKING:
    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board
    from lkboard.model.extents import Content


@dataclass(frozen=True, slots=True)
class Handover:
    """What a board's boot loader hands over, in the forms that it takes. ``cmdline`` is the whole command line."""

    kernel: Content
    initrd: Content
    cmdline: str


def handover(build: BuildInput, board: Board) -> Handover:
    """Return kernel, initrd and command line for a board.

    Microcode stands in front of the initrd, where the kernel looks for it; the reference loses it here (build.md
    section 10, 22). Raises `BuildError` when the config has no kernel.
    """
    from lkboard.board.cmdline import command_line
    from lkboard.rootfs.bootparts import boot_parts

    parts = boot_parts(build.rootfs, build.cache_dir, build.job)
    if parts.kernel is None:
        raise BuildError(
            f"the config has no kernel, so there is nothing that the board '{board.id}' could start",
            hint="add 'kernel: {image: …}' to the config",
        )
    initrd = (parts.microcode or EMPTY) + parts.initrd
    return Handover(_kernel(parts.kernel, board), initrd, command_line(board, parts.cmdline))


def _kernel(kernel: Content, board: Board) -> Content:
    if board.kernel_form == "as-is":
        return kernel
    from lkboard.rootfs.kernel_payload import unwrap_kernel

    return unwrap_kernel(kernel)
