"""The ELF reader against tiny objects and against readelf."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import elf
from support.tools import need

from lkboard.errors import BuildError
from lkboard.kit.elf import Dynamic, dynamic, is_elf, section


def test_a_section_is_found_by_its_name() -> None:
    data = elf.relocatable({".text": b"code", ".modinfo": b"name=x\0", ".modinfo.more": b"no"})
    assert section(data, ".modinfo") == b"name=x\0"


def test_a_section_that_is_not_there_is_empty() -> None:
    assert section(elf.relocatable({".text": b"code"}), ".modinfo") == b""


def test_an_object_without_sections_has_none() -> None:
    assert section(elf.dynamic(), ".modinfo") == b""


def test_a_section_is_read_from_a_view_without_copying_the_object() -> None:
    data = memoryview(b"before" + elf.relocatable({".modinfo": b"x"}))
    assert section(data[6:], ".modinfo") == b"x"


@pytest.mark.parametrize(
    "wants",
    [
        Dynamic(("libc.so.6", "libm.so.6"), "", "/lib64/ld-linux-x86-64.so.2"),
        Dynamic(("libc.so.6",), "libx.so.1", ""),
        Dynamic((), "ld-linux-aarch64.so.1", ""),
        Dynamic(),
    ],
)
def test_the_dynamic_table_is_read(wants: Dynamic) -> None:
    assert dynamic(elf.dynamic(wants.needed, soname=wants.soname, interpreter=wants.interpreter)) == wants


def test_an_object_without_program_headers_needs_nothing() -> None:
    assert dynamic(elf.module("name=x")) == Dynamic()


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60), b"MZ" + bytes(100)])
def test_what_is_no_64_bit_object_is_refused(data: bytes) -> None:
    assert not is_elf(data) or len(data) < 64
    with pytest.raises(BuildError, match="not a 64-bit"):
        section(data, ".modinfo")


@pytest.mark.parametrize("size", [64, 80, 200])
def test_an_object_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(BuildError, match="cut off"):
        section(elf.module("name=x")[:size], ".modinfo")


def test_offsets_that_no_memory_has_are_refused() -> None:
    data = elf.dynamic(["libc.so.6"])
    for read, at in ((lambda bad: section(bad, ".modinfo"), 40), (dynamic, 32)):
        with pytest.raises(BuildError, match="cut off"):
            read(data[:at] + b"\xff" * 8 + data[at + 8 : 60] + b"\1\0" + data[62:])


def test_a_program_that_is_cut_off_is_refused() -> None:
    with pytest.raises(BuildError, match="cut off"):
        dynamic(elf.dynamic(["libc.so.6"], interpreter="/lib/ld.so")[:150])


def test_a_real_program_needs_what_readelf_says() -> None:
    need("readelf")
    program = Path(sys.executable).resolve()
    text = subprocess.run(["readelf", "-dlW", program], check=True, capture_output=True, text=True).stdout
    wants = dynamic(program.read_bytes())
    assert list(wants.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", text)
    assert wants.interpreter == re.findall(r"program interpreter: (.*)\]", text)[0]
