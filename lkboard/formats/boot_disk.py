"""The disk of a board: what all formats share that end in a raw disk image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.disk import image
from lkboard.disk.layout import solve
from lkboard.formats import unified_kernel
from lkboard.formats.handover import handover
from lkboard.model.disk import BootFile

if TYPE_CHECKING:
    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board
    from lkboard.model.extents import ExtentMap


def plan(build: BuildInput) -> ExtentMap:
    """Return the disk of the board of a build, sized by the board's layout.

    Raises `BuildError` when the config has no kernel, and what the layout raises.
    """
    board = build.board
    assert board is not None, "the app chooses a board for every format that has boards"
    files = boot_files(build, board)
    return image.plan(solve(board.layout, files, epoch=build.epoch))


def boot_files(build: BuildInput, board: Board) -> tuple[BootFile, ...]:
    """Return the files of a board's boot file system in the order in which a boot chain reads them.

    These are the board's own files, its generated texts, kernel and initrd; or, if the build asks for it, a unified
    kernel image in the place of its boot loader. Raises `BuildError` as `handover` does.
    """
    from lkboard.board.text import render

    if build.is_unified:
        loader = unified_kernel.boot_file(build, board)
        return (*(file for file in build.board_files if file.path.lower() != loader.path.lower()), loader)
    given = handover(build, board)
    texts = render(board, given.cmdline)
    kernel, initrd = BootFile(board.kernel_path, given.kernel), BootFile(board.initrd_path, given.initrd)
    return (*build.board_files, *texts, kernel, initrd)
