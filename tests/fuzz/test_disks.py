"""Damaged disk images, file systems, packages and programs."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING

import zstandard
from support import elf as made_elf
from support import grub as made_grub
from support import pe
from support.entries import device, folder, hard_link, symlink
from support.entries import file as entry
from support.fuzzing import Target, fuzz_tests
from support.images import directory, file, tar
from support.layouts import MIB, gpt_disk, mbr_disk, partition
from support.plans import boot_files, map_bytes

from lkboard.disk import cpio, fat, grub, image, uki
from lkboard.disk.content import chunks
from lkboard.disk.cpio_reader import read_cpio
from lkboard.disk.decompress import compression, decompress
from lkboard.disk.fat_reader import FatReader
from lkboard.disk.gpt_move import fit_gpt
from lkboard.disk.inspect import partitions
from lkboard.disk.sparse import map_file
from lkboard.disk.unused import with_needed_zeros
from lkboard.errors import LkboardError
from lkboard.events import Job
from lkboard.kit import elf
from lkboard.kit.modinfo import read_modinfo
from lkboard.model.extents import Content
from lkboard.model.rootfs import Kind
from lkboard.oci.store.store import Store
from lkboard.sources.apt.deb import unpack

if TYPE_CHECKING:
    from pathlib import Path

SECTOR = 512


# disks and file systems


@cache
def disks() -> list[bytes]:
    linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
    layouts = (
        gpt_disk(4096, partition(1, 2048, 512, linux, name="one"), partition(2, 3072, 512, linux, name="two")),
        mbr_disk(4096, partition(1, 2048, 512, "0c", is_active=True), partition(2, 3072, 512, "83")),
    )
    return [map_bytes(image.plan(layout)) for layout in layouts]


def with_table_sums(data: bytes) -> bytes:
    """Return a disk whose GPT headers have the right sums of themselves and of their entries."""
    disk = bytearray(data)
    for at in (SECTOR, len(disk) - SECTOR):
        size, first, count, entry_size = (
            struct.unpack_from(form, disk, at + offset)[0] if len(disk) >= at + SECTOR else 0
            for form, offset in (("<I", 12), ("<Q", 72), ("<I", 80), ("<I", 84))
        )
        if disk[at : at + 8] == b"EFI PART" and 92 <= size <= SECTOR and first < 8192 and count * entry_size < MIB:
            entries = disk[first * SECTOR : first * SECTOR + count * entry_size]
            struct.pack_into("<I", disk, at + 88, zlib.crc32(entries))
            struct.pack_into("<I", disk, at + 16, 0)
            struct.pack_into("<I", disk, at + 16, zlib.crc32(disk[at : at + size]))
    return bytes(disk)


def read_table(data: bytes, work: Path) -> None:
    path = work / "disk.img"
    path.write_bytes(data)
    try:
        partitions(path)
    finally:
        whole = map_file(path)
        fit_gpt(whole, 8 * MIB)
        with_needed_zeros(whole, path)


VOLUME, HEAD = 40 * MIB, 700 << 10


@cache
def volumes() -> list[bytes]:
    """Return the beginning of a file system: tables, folders and small files."""
    files = {"kernel": b"k" * 30_000, "EFI/BOOT/A long name.efi": b"e" * 700, "empty": b""}
    return [map_bytes(fat.plan(boot_files(files), size_bytes=VOLUME))[:HEAD]]


def read_volume(data: bytes, work: Path) -> None:
    path = work / "fat.img"
    path.write_bytes(data)
    os.truncate(path, VOLUME)
    with_needed_zeros(map_file(path), path)
    with FatReader(path) as reader:
        for name in reader.files():
            if reader.size(name) < MIB:
                reader.read(name)


def unpack_image(data: bytes, work: Path) -> None:
    path = work / "image"
    path.write_bytes(data)
    (work / "out").unlink(missing_ok=True)
    if compression(data):
        decompress(path, work / "out", lambda _size: stop_when_large(work / "out"))


def stop_when_large(path: Path) -> None:
    """End what unpacks on and on, as it may."""
    if path.stat().st_size > 16 * MIB:
        raise LkboardError("this is enough")


def packed_images() -> list[bytes]:
    plain = b"partition table" * 5000 + bytes(MIB)
    zstd = zstandard.ZstdCompressor().compress(plain)
    return [gzip.compress(plain, mtime=0) * 2, zstd, lzma.compress(plain), lzma.compress(plain) * 2]


# programs and packages


def join(data: bytes, work: Path) -> None:
    for chunk in chunks(
        Content(tuple(extent.source for extent in uki.plan(data, [uki.Section(".linux", Content.of(b"k"))]).extents))
    ):
        assert chunk


def put_together(data: bytes, work: Path) -> None:
    files = made_grub.FILES
    grub.raw_blobs(
        grub.Parts(
            boot=files["boot.img"],
            diskboot=files["diskboot.img"],
            decompressor=files["lzma_decompress.img"],
            kernel=data,
            modules=(),
        )
    )


def objects() -> list[bytes]:
    return [made_elf.module("name=a", "depends=b,c"), made_elf.dynamic(["libc.so.6"], soname="x", interpreter="/ld")]


def read_object(data: bytes, work: Path) -> None:
    if elf.is_elf(data):
        elf.dynamic(data)
        read_modinfo(data)


def packages() -> list[bytes]:
    plain = tar(directory("usr"), file("usr/x", b"x" * 3000))
    bodies = {"data.tar.xz": lzma.compress(plain), "data.tar.gz": gzip.compress(plain, mtime=0), "data.tar": plain,
              "data.tar.zst": zstandard.ZstdCompressor().compress(plain)}  # fmt: skip
    return [b"!<arch>\n" + member("debian-binary", b"2.0\n") + member(name, body) for name, body in bodies.items()]


def member(name: str, body: bytes) -> bytes:
    return f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)


def read_package(data: bytes, work: Path) -> None:
    path = work / f"{zlib.crc32(data):08x}"
    path.write_bytes(data)
    try:
        unpack(path, "tool 1.0", Store(work), Job())
    finally:
        path.unlink()
        shutil.rmtree(work / ".lkboard", ignore_errors=True)


def initrds() -> list[bytes]:
    entries = [
        folder("a"),
        entry("a/b", b"x" * 700),
        hard_link("a/c", "a/b"),
        symlink("l", "a"),
        device("n", Kind.CHAR, 1, 3),
    ]
    plain = map_bytes(cpio.plan(entries)) + cpio.trailer()
    return [plain, plain + bytes(100) + plain]


def read_initrd(data: bytes, work: Path) -> None:
    path = work / "initrd"
    path.write_bytes(data)
    for found in read_cpio(path, lambda: None).entries:
        for _chunk in chunks(found.content):
            pass


test_damaged, test_damaged_for_long = fuzz_tests(
    (
        Target("partitions", disks, read_table, (b"EFI PART", b"\x55\xaa", b"\xee"), with_table_sums, 17_408),
        Target("fat", volumes, read_volume, (b"\xff\xff", b"\xff\xff\xff\x0f", b"..", b"\xe5")),
        Target("packed-image", packed_images, unpack_image),
        Target("uki-stub", lambda: [pe.program()], join, (b"PE\0\0", b".linux\0\0")),
        Target("grub-kernel", lambda: [made_grub.FILES["kernel.img"]], put_together),
        Target("elf", objects, read_object, (b".modinfo", b"\0")),
        Target("initrd", initrds, read_initrd, (b"070701", b"070702", b"TRAILER!!!\0", b"FFFFFFFF", b"../")),
        Target("package", packages, read_package, (b"`\n", b"data.tar.", b"99999999  ")),
    )
)
