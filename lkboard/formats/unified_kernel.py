"""The unified kernel image of a build: what all formats share that have one (boot.md section 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import content, uki
from lkboard.formats.boot_disk import handover
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board
    from lkboard.model.extents import ExtentMap

_STUB = "uki-stub"
_OS_RELEASE = b'ID=linuxkit\nNAME="LinuxKit"\nPRETTY_NAME="LinuxKit"\n'


def plan(build: BuildInput, board: Board) -> ExtentMap:
    """Return the program that UEFI starts. Raises `BuildError` when the config has no kernel, and what the part raises.

    The stub takes a command line of one line, so a line break becomes a blank, which is the same to the kernel.
    """
    given = handover(build, board)
    cmdline = " ".join(given.cmdline.splitlines())
    sections = (
        uki.Section(".osrel", Content.of(_OS_RELEASE)),
        uki.Section(".cmdline", Content.of(content.encode(cmdline))),
        uki.Section(".linux", given.kernel),
        uki.Section(".initrd", given.initrd),
    )
    return uki.plan(content.read(build.part(_STUB)), sections)
