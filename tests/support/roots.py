"""Small root file systems, boards and what a format is given."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from lkboard.formats.format import BuildInput
from lkboard.model.board import Board, BoardFile, DebianSource, TextFile
from lkboard.model.extents import Content
from lkboard.model.rootfs import Origin, Rootfs, Segment
from support import grub, pe
from support.entries import file, folder, hard_link, symlink
from support.jobs import RecordingJob
from support.layouts import CARD, EFI_DISK, MIB
from support.plans import boot_files

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.rootfs import Entry

IMAGE = b"\0" * 56 + b"ARM\x64" + b"kernel code " * 1000
"""What has the magic number of a raw arm64 kernel."""

DISK_SIZE = 64 * MIB
"""The size of disks for tests that would be slow with the usual one."""

CMDLINE = "quiet console=ttyS0"
_KERNEL = Origin("docker.io/library/kernel:1", "kernel")
_SERVICE = Origin("docker.io/library/web:1", "services[0]")

SYSTEM = (
    folder("bin", origin=_SERVICE),
    file("bin/sh", b"shell" * 1000, mode=0o755, origin=_SERVICE),
    hard_link("bin/ash", "bin/sh", origin=_SERVICE),
    symlink("init", "bin/sh", origin=_SERVICE),
)


def rootfs(*, kernel: bytes | None = IMAGE, cmdline: str = CMDLINE, microcode: bytes = b"") -> Rootfs:
    boot: list[Entry] = []
    if kernel is not None:
        boot = [
            folder("boot", origin=_KERNEL),
            file("boot/cmdline", cmdline.encode(), origin=_KERNEL),
            file("boot/kernel", kernel, origin=_KERNEL),
            folder("lib", origin=_KERNEL),
            file("lib/module.ko", b"module", origin=_KERNEL),
        ]
    if microcode:
        boot.append(file("boot/ucode.cpio", microcode, origin=_KERNEL))
    segments = (Segment("kernel", tuple(boot)), Segment("service", SYSTEM))
    return Rootfs(tuple(segment for segment in segments if segment.entries))


def card_board() -> Board:
    return Board(
        id="toy",
        title="Toy board",
        vendor="Nobody",
        architecture="arm64",
        boot_chain="rpi",
        format="sdcard",
        support="untested",
        kernel_path="kernel8.img",
        initrd_path="initrd.img",
        layout=CARD,
        kernel_form="image",
        console=("tty0", "ttyS1,115200"),
        arguments=("panic=10",),
        text=(TextFile("cmdline.txt", "{cmdline}\n"), TextFile("config.txt", "kernel={kernel}\n")),
    )


def efi_board() -> Board:
    return Board(
        id="toy-efi",
        title="Toy PC",
        vendor="Nobody",
        architecture="amd64",
        boot_chain="uefi",
        format="raw-efi",
        support="untested",
        kernel_path="kernel",
        initrd_path="initrd.img",
        layout=EFI_DISK,
        text=(TextFile("loader/entries/toy.conf", "linux /{kernel}\noptions {cmdline}\n"),),
    )


def bios_board() -> Board:
    debian = DebianSource("grub-pc-bin", "some/path")
    return Board(
        id="toy-bios",
        title="Old toy PC",
        vendor="Nobody",
        architecture="amd64",
        boot_chain="bios",
        format="raw-bios",
        support="untested",
        kernel_path="kernel",
        initrd_path="initrd.img",
        layout=CARD,
        parts=tuple(BoardFile(name, debian) for name in grub.FILES),
        text=(TextFile("grub/grub.cfg", "linux /{kernel} {grub_cmdline}\ninitrd /{initrd}\n"),),
    )


def build_input(cache: Path, root: Rootfs, board: Board | None = None, *, size_bytes: int = 0) -> BuildInput:
    files = {"uki-stub": pe.program(), **grub.FILES} if board else {}
    parts = {name: Content.of(data) for name, data in files.items()}
    return BuildInput(
        rootfs=root,
        architecture=board.architecture if board else "amd64",
        cache_dir=cache,
        job=RecordingJob(),
        board=board,
        board_files=boot_files({"firmware.bin": b"firmware", "EFI/BOOT/BOOTX64.EFI": b"loader"}) if board else (),
        part=parts.__getitem__,
        size_bytes=size_bytes,
    )


def zipped(kernel: bytes = IMAGE) -> bytes:
    return gzip.compress(kernel, mtime=0)
