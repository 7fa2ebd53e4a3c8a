"""Which libraries a program takes along."""

from __future__ import annotations

import pytest
from support import elf

from lkboard.errors import BuildError
from lkboard.kit.libraries import library_closure
from lkboard.model.extents import Content
from lkboard.model.rootfs import Entry, Kind
from lkboard.sources.archive import Archive

LOADER = "ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def file(path: str, data: bytes) -> Entry:
    return Entry(path, Kind.FILE, 0o644, content=Content.of(data))


def link(path: str, target: str) -> Entry:
    return Entry(path, Kind.SYMLINK, 0o777, link=target)


def library(soname: str, *needed: str) -> bytes:
    return elf.dynamic(needed, soname=soname)


def program(*needed: str, interpreter: str = f"/lib64/{LOADER}") -> Content:
    return Content.of(elf.dynamic(needed, interpreter=interpreter))


C_LIBRARY = Archive(
    "libc6",
    [
        file(f"{LIBRARIES}/libc.so.6", library("libc.so.6", LOADER)),
        file(f"{LIBRARIES}/{LOADER}", library(LOADER)),
        file(f"{LIBRARIES}/gconv/libz.so.1", b"no library at all"),
        link(f"usr/lib64/{LOADER}", f"../lib/x86_64-linux-gnu/{LOADER}"),
    ],
)
OTHERS = Archive(
    "others",
    [
        file(f"{LIBRARIES}/liba.so.1.2.3", library("liba.so.1", "libb.so.2", "libc.so.6")),
        link(f"{LIBRARIES}/liba.so.1", "liba.so.1.2.3"),
        file(f"{LIBRARIES}/libb.so.2", library("libb.so.2", "liba.so.1")),
        file(f"{LIBRARIES}/libunused.so.1", library("libunused.so.1")),
    ],
)


def test_the_loader_stands_where_the_program_names_it() -> None:
    assert sorted(library_closure([program("libc.so.6")], [C_LIBRARY])) == [f"lib64/{LOADER}", f"{LIBRARIES}/libc.so.6"]


def test_libraries_of_libraries_come_along_under_their_sonames() -> None:
    found = library_closure([program("liba.so.1")], [C_LIBRARY, OTHERS])
    assert sorted(found) == sorted(
        [f"lib64/{LOADER}", *(f"{LIBRARIES}/{name}" for name in ("liba.so.1", "libb.so.2", "libc.so.6"))]
    )
    assert found[f"{LIBRARIES}/liba.so.1"] == OTHERS[f"{LIBRARIES}/liba.so.1.2.3"].content


def test_several_programs_share_their_libraries() -> None:
    both = library_closure([program("liba.so.1"), program("libc.so.6")], [C_LIBRARY, OTHERS])
    assert both == library_closure([program("liba.so.1")], [C_LIBRARY, OTHERS])


def test_a_static_program_needs_nothing() -> None:
    assert library_closure([Content.of(elf.dynamic())], [C_LIBRARY]) == {}


def test_a_library_that_no_package_has_is_named() -> None:
    with pytest.raises(BuildError, match=r"library 'libz.so.1'"):
        library_closure([program("libz.so.1")], [C_LIBRARY])
