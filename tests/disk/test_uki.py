from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import pe
from support.plans import map_bytes, save
from support.tools import need

from lkboard.disk import uki
from lkboard.disk.uki import Section
from lkboard.errors import BuildError
from lkboard.model.extents import Content, FileSpan, Zeros

PAGE = 4096
KERNEL, INITRD = b"kernel" * 3000, b"initrd" * 5000
SECTIONS = (
    Section(".osrel", Content.of(b"ID=linuxkit\n")),
    Section(".cmdline", Content.of(b"quiet console=ttyS0")),
    Section(".linux", Content.of(KERNEL)),
    Section(".initrd", Content.of(INITRD)),
)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    need("objdump", "objcopy")
    return save(uki.plan(pe.program(), SECTIONS), tmp_path / "image.efi")


def test_binutils_lists_the_sections_behind_those_of_the_stub(image: Path) -> None:
    assert list(pe.sections(image)) == [".text", ".osrel", ".cmdline", ".linux", ".initrd"]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_binutils_takes_out_what_was_put_in(image: Path, tmp_path: Path, section: Section) -> None:
    taken = pe.section_bytes(image, section.name, tmp_path)
    assert taken == map_bytes_of(section.content)


def test_sizes_are_exact_addresses_on_pages_and_offsets_aligned(image: Path) -> None:
    found = pe.sections(image)
    assert [found[section.name][0] for section in SECTIONS] == [section.content.size for section in SECTIONS]
    assert {address % PAGE for _size, address, _offset in found.values()} == {0}
    assert {offset % 0x200 for _size, _address, offset in found.values()} == {0}


def test_sections_do_not_overlap_in_memory(image: Path) -> None:
    places = sorted((address, size) for size, address, _offset in pe.sections(image).values())
    assert all(address + size <= following for (address, size), (following, _) in itertools.pairwise(places))


def test_the_headers_tell_the_new_size_and_no_checksum(image: Path) -> None:
    size, address, _offset = pe.sections(image)[".initrd"]
    found = pe.headers(image)
    assert int(found["SizeOfImage"], 16) == -(-(address + size) // 0x200) * 0x200
    assert int(found["CheckSum"], 16) == 0


def test_the_code_of_the_stub_is_left_alone(image: Path, tmp_path: Path) -> None:
    stub = tmp_path / "stub.efi"
    stub.write_bytes(pe.program())
    assert pe.section_bytes(image, ".text", tmp_path) == pe.section_bytes(stub, ".text", tmp_path)


def test_a_coarser_alignment_of_the_stub_is_kept(tmp_path: Path) -> None:
    need("objdump")
    image = save(uki.plan(pe.program(alignment=0x10000), SECTIONS), tmp_path / "image.efi")
    assert {pe.sections(image)[section.name][1] % 0x10000 for section in SECTIONS} == {0}


def test_contents_are_not_read(tmp_path: Path) -> None:
    span = FileSpan(str(tmp_path / "missing"), 0, 1 << 30)
    extents = uki.plan(pe.program(), [Section(".initrd", Content((span,)))]).extents
    assert [extent.source for extent in extents[1:]] == [span]


def test_data_behind_the_last_section_stays(tmp_path: Path) -> None:
    stub = pe.program() + b"trailer"
    data = map_bytes(uki.plan(stub, SECTIONS[:1]))
    at = len(pe.program())
    assert data[at : at + 7] == b"trailer"
    assert data[at + 0x200 :].startswith(b"ID=linuxkit\n")


@pytest.mark.parametrize(
    ("stub", "message"),
    [
        (b"", "is not a PE program"),
        (b"#!/bin/sh\n" * 20, "is not a PE program"),
        (pe.program()[:0x90], "is cut off"),
        (pe.program()[:0x180], "is cut off"),
        (pe.program().replace(b"PE\0\0", b"LE\0\0"), "is not a 64-bit PE program"),
        (pe.program(magic=0x10B), "is not a 64-bit PE program"),
        (pe.program(alignment=0), "has alignments that are not powers of two"),
        (pe.program(alignment=3000), "has alignments that are not powers of two"),
        (pe.program(section=b".linux"), "has a section '.linux' already"),
        (pe.program(headers_size=0x200), "has no room for 4 more sections"),
    ],
)
def test_a_stub_that_cannot_be_used(stub: bytes, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        uki.plan(stub, SECTIONS)


def test_a_program_of_more_than_4_gib(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="the limit is 4 GiB"):
        uki.plan(pe.program(), [Section(".initrd", Content((Zeros(1 << 32),)))])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=9000), min_size=1, max_size=5))
def test_any_sections_come_back(contents: list[bytes]) -> None:
    need("objdump", "objcopy")
    sections = [Section(f".s{number}", Content.of(data)) for number, data in enumerate(contents)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = save(uki.plan(pe.program(), sections), folder / "image.efi")
        assert [pe.section_bytes(image, section.name, folder) for section in sections] == contents


def map_bytes_of(content: Content) -> bytes:
    return b"".join(part.data for part in content.parts if hasattr(part, "data"))
