"""The unified kernel image of a build: what all formats share that have one (boot.md section 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import content, uki
from lkboard.formats.handover import handover
from lkboard.model.disk import BootFile
from lkboard.model.extents import Content

if TYPE_CHECKING:
    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board
    from lkboard.model.extents import ExtentMap

# UEFI specification, section 3.5.1.1: what firmware starts from a medium that it has no entry for
_PATHS = {"amd64": "EFI/BOOT/BOOTX64.EFI", "arm64": "EFI/BOOT/BOOTAA64.EFI", "riscv64": "EFI/BOOT/BOOTRISCV64.EFI"}
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


def boot_file(build: BuildInput, board: Board) -> BootFile:
    """Return the program under the name by which UEFI starts it from any medium. Raises as `plan` does."""
    return BootFile(_PATHS[board.architecture], content.as_content(plan(build, board)))
