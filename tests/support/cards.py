"""Small images with a partition table and a FAT, made by the usual programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.loops import partition, run, sparse_file
from support.maps import MIB, NOISE
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 40 * MIB
_TYPES = {"dos": "c", "gpt": "U"}


def card_image(path: Path, *, table: str = "dos") -> Path:
    """Make an image of 40 MiB with one FAT32 partition at 1 MiB that has two files."""
    need("mkfs.vfat", "mcopy")
    partition(sparse_file(path, SIZE), f"label: {table}\nstart=2048, size=36M, type={_TYPES[table]}\n")
    run("mkfs.vfat", "-F", "32", "-s", "1", "-n", "BOOT", "--offset", "2048", str(path), str(36 << 10))
    for name, data in (("kernel", NOISE), ("config.txt", b"arm_64bit=1\n")):
        (path.parent / name).write_bytes(data)
        run("mcopy", "-i", f"{path}@@1M", str(path.parent / name), f"::/{name}")
        (path.parent / name).unlink()
    return path


def files_of(path: Path) -> str:
    """Return what mdir finds in the FAT of an image or device."""
    return run("mdir", "-b", "-i", f"{path}@@1M", "::/")
