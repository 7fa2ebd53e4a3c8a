from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from support.grub import FILES, read_core
from support.layouts import mbr_disk, partition
from support.plans import map_bytes

from lkboard.disk import content, grub, image
from lkboard.errors import BuildError

PARTS = grub.Parts(
    boot=FILES["boot.img"],
    diskboot=FILES["diskboot.img"],
    decompressor=FILES["lzma_decompress.img"],
    kernel=FILES["kernel.img"],
    modules=(FILES["fat.mod"], FILES["linux.mod"]),
)


def core_image(parts: grub.Parts = PARTS) -> bytes:
    return content.read(grub.raw_blobs(parts)[1].content)


def test_boot_code_and_core_image_are_where_the_bios_and_grub_look() -> None:
    boot_code, core = grub.raw_blobs(PARTS)
    assert (boot_code.offset, boot_code.content.size, core.offset) == (0, 440, 512)


def test_the_boot_code_is_patched_in_two_places() -> None:
    code = content.read(grub.raw_blobs(PARTS)[0].content)
    changed = {index: code[index] for index in range(440) if code[index] != FILES["boot.img"][index]}
    # sector 1 as 64 bits, and two nops
    assert changed == dict(zip(range(0x5C, 0x64), (1, 0, 0, 0, 0, 0, 0, 0), strict=True)) | {0x66: 0x90, 0x67: 0x90}


def test_the_partition_table_stays_as_it_is() -> None:
    plain = mbr_disk(8192, partition(1, 2048, 2048, "0c", is_active=True))
    with_grub = replace(plain, raw=grub.raw_blobs(PARTS))
    assert map_bytes(image.plan(with_grub))[440:512] == map_bytes(image.plan(plain))[440:512]


def test_the_first_sector_says_where_the_others_are() -> None:
    core = core_image()
    sector, count, segment = struct.unpack_from("<QHH", core, 500)
    assert (sector, segment) == (2, 0x820)
    assert count == -(-(len(core) - 512) // 512)
    assert core[:500] == FILES["diskboot.img"][:500]


def test_the_program_that_unpacks_knows_both_sizes() -> None:
    core = core_image()
    packed, size = struct.unpack_from("<II", core, 512 + 8)
    assert packed == len(core) - 512 - 700
    assert size == len(read_core(core, program_size=700).payload)


def test_the_kernel_is_the_loaded_segment() -> None:
    assert read_core(core_image(), program_size=700).kernel == b"GRUB's kernel" * 100


def test_modules_keep_their_order_and_the_prefix_is_last() -> None:
    assert read_core(core_image(), program_size=700).modules == (
        (0, FILES["fat.mod"] + bytes(3)),
        (0, FILES["linux.mod"]),
        (3, b"(,msdos1)/grub\0\0"),
    )


def test_two_plans_are_the_same_bytes() -> None:
    assert grub.raw_blobs(PARTS) == grub.raw_blobs(PARTS)


def test_a_kernel_of_something_else_is_refused() -> None:
    with pytest.raises(BuildError, match=r"GRUB's kernel\.img is not a 32-bit ELF program \(take it from grub-pc-bin"):
        grub.raw_blobs(replace(PARTS, kernel=b"\x7fELF\2\1\1" + bytes(100)))


@pytest.mark.parametrize("part", ["boot", "diskboot", "decompressor", "kernel"])
def test_a_part_that_is_cut_is_refused(part: str) -> None:
    whole: bytes = getattr(PARTS, part)
    with pytest.raises(BuildError, match="a part of GRUB is cut"):
        grub.raw_blobs(replace(PARTS, **{part: whole[:10]}))


def test_a_core_image_that_reaches_the_partition_is_refused() -> None:
    layout = mbr_disk(8192, partition(1, 3, 2048, "0c"))
    with pytest.raises(BuildError, match="the parts of the disk do not fit"):
        image.plan(replace(layout, raw=grub.raw_blobs(PARTS)))
