"""The disk of a board: what all formats share that end in a raw disk image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkboard.disk import content, grub, image
from lkboard.disk.layout import solve
from lkboard.errors import TooSmall
from lkboard.formats import unified_kernel
from lkboard.formats.handover import handover
from lkboard.model.disk import SECTOR_SIZE, BootFile

if TYPE_CHECKING:
    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board
    from lkboard.model.disk import DiskLayout
    from lkboard.model.extents import ExtentMap


VIRTUAL_SIZE = 1 << 30
"""Bytes of disks of virtual machines unless the user gives a size (build.md section 1)."""


def plan(build: BuildInput, *, usual_size: int = 0) -> ExtentMap:
    """Return the disk of the board of a build, of the size that the user gave, else the usual one of the format.

    That is as large as the content needs, or so many bytes; what is behind the partitions stays free. Raises `TooSmall`
    when the layout needs more, `BuildError` when the config has no kernel, and what the layout raises.
    """
    board = build.board
    assert board is not None, "the app chooses a board for every format that has boards"
    files = boot_files(build, board)
    raw = grub.raw_blobs(grub_parts(build, board)) if board.boot_chain == "bios" else ()
    layout = solve(board.layout, files, raw=raw, epoch=build.epoch, on_chunk=build.job.check)
    size_bytes = build.size_bytes or usual_size
    return image.plan(_enlarged(layout, size_bytes) if size_bytes else layout)


def _enlarged(layout: DiskLayout, size_bytes: int) -> DiskLayout:
    needed = layout.total_sectors * SECTOR_SIZE
    if size_bytes < needed:
        raise TooSmall(
            f"the disk needs {needed >> 20} MiB, it is given {size_bytes / (1 << 20):g} MiB",
            needed=needed,
            given=size_bytes,
            hint=f"give it more: --size {needed >> 20}M",
        )
    return replace(layout, total_sectors=size_bytes // SECTOR_SIZE)


def grub_parts(build: BuildInput, board: Board, *, with_cd: bool = False) -> grub.Parts:
    """Return what GRUB is put together from. Raises `BoardError` when the board lacks a part of it."""

    def part(name: str) -> bytes:
        return content.read(build.part(name))

    return grub.Parts(
        boot=part("boot.img"),
        diskboot=part("diskboot.img"),
        decompressor=part("lzma_decompress.img"),
        kernel=part("kernel.img"),
        modules=tuple(part(file.to) for file in board.parts if file.to.endswith(".mod")),
        cdboot=part("cdboot.img") if with_cd else b"",
    )


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
