"""What a boot loader would read from an artifact of any format, taken out by programs of others."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from lkboard.formats import catalogue
from support import pe
from support.discs import extracted_disc
from support.fat import extracted
from support.plans import save
from support.roots import bios_board, card_board, efi_board
from support.tables import sfdisk
from support.tools import need
from support.virtual_disks import info, qemu_img

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board

DISKS = {
    "raw-bios": "raw",
    "raw-efi": "raw",
    "sdcard": "raw",
    "aws": "raw",
    "gcp": "tar",
    "qcow2-bios": "qcow2",
    "qcow2-efi": "qcow2",
    "vhd": "vpc",
    "dynamic-vhd": "vpc",
    "vmdk": "vmdk",
}
"""All formats of disks, and what QEMU calls them."""

_OF_BOARDS = {"x86-efi": efi_board(), "x86-bios": bios_board()}
BOARDS: dict[str, Board] = {
    **{name: _OF_BOARDS[found.boards["amd64"]] for name, found in catalogue().items() if found.boards},
    "sdcard": card_board(),
}
"""A small board for each format that needs one."""


def made(name: str, build: BuildInput, folder: Path) -> dict[str, Path]:
    """Return the files of a format by their suffix, written into a folder."""
    plan = catalogue()[name].plan(build)
    return {planned.suffix: save(planned.extents, folder / f"made{planned.suffix}") for planned in plan}


def parts(name: str, build: BuildInput, folder: Path) -> dict[str, bytes]:
    """Return what a loader finds in a format, by path; outputs of several files by their suffix."""
    files = made(name, build, folder)
    if len(files) > 1:
        return {suffix: path.read_bytes() for suffix, path in files.items()}
    (path,) = files.values()
    out = folder / "parts"
    out.mkdir()
    return _READERS.get(name, _disk)(raw_disk(name, path, folder), out)


def raw_disk(name: str, path: Path, folder: Path) -> Path:
    """Return the raw disk that is in a file of a format; what is none is returned as it is."""
    kind = DISKS.get(name, "raw")
    if kind == "raw":
        return path
    raw = folder / "disk.raw"
    if kind == "tar":
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    else:
        qemu_img("convert", "-f", kind, "-O", "raw", str(path), str(raw))
    return raw


def disk_size(name: str, build: BuildInput, folder: Path) -> int:
    """Return how large a disk is to the machine that it is in."""
    (path,) = made(name, build, folder).values()
    size: int = info(raw_disk(name, path, folder), "raw")["virtual-size"]
    return size


def _disk(path: Path, out: Path) -> dict[str, bytes]:
    return extracted(path, out, sfdisk(path)["partitions"][0]["start"] * 512)


def _archive(path: Path, _out: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        streams = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: stream.read() for name, stream in streams.items() if stream}


def _program(path: Path, out: Path) -> dict[str, bytes]:
    need("objdump", "objcopy")
    return {name: pe.section_bytes(path, name, out) for name in pe.sections(path)}


_READERS: dict[str, Callable[[Path, Path], dict[str, bytes]]] = {
    "tar": _archive,
    "docker": _archive,
    "tar-kernel-initrd": _archive,
    "uki": _program,
    "iso-bios": extracted_disc,
}
