"""The numbers of an inode, up to the largest that Linux holds."""

from __future__ import annotations

import stat

import pytest
from support.entries import ORIGIN, device, file, folder, symlink

from lkboard.disk.inodes import check_name, check_numbers, mode_of
from lkboard.errors import BuildError
from lkboard.model.rootfs import Entry, Kind

OWNER_MAX = 4294967294


@pytest.mark.parametrize(
    "entry",
    [
        file("f"),
        file("f", uid=OWNER_MAX, gid=OWNER_MAX),
        device("d", Kind.CHAR, 4095, 1048575),
        device("d", Kind.BLOCK, 0, 0),
    ],
)
def test_what_linux_holds_is_taken(entry: Entry) -> None:
    check_numbers(entry.path, entry)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (file("f", uid=OWNER_MAX + 1), "'f' belongs to 4294967295:0, and numbers of owners end at 4294967294"),
        (file("f", uid=1 << 40), "'f' belongs to 1099511627776:0"),
        (file("f", gid=1 << 32), "'f' belongs to 0:4294967296"),
        (device("d", Kind.CHAR, 4096, 0), "'d' is the device 4096:0, and their numbers end at 4095:1048575"),
        (device("d", Kind.BLOCK, 0, 1048576), "'d' is the device 0:1048576"),
    ],
)
def test_what_would_be_cut_is_refused_with_a_hint(entry: Entry, message: str) -> None:
    with pytest.raises(BuildError, match=message) as caught:
        check_numbers(entry.path, entry)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (file("f", mode=0o4755), "-rwsr-xr-x"),
        (folder("d", mode=0o1777), "drwxrwxrwt"),
        (symlink("l", "f"), "lrwxrwxrwx"),
        (device("c", Kind.CHAR, 1, 3), "crw-------"),
        (device("b", Kind.BLOCK, 8, 0), "brw-------"),
        (Entry("p", Kind.FIFO, 0o100644), "prw-r--r--"),
    ],
)
def test_a_mode_has_the_type_of_the_entry_and_nothing_else_above_its_bits(entry: Entry, text: str) -> None:
    assert stat.filemode(mode_of(entry)) == text


@pytest.mark.parametrize("path", ["", "n" * 255, "é" * 127, "/".join(["n" * 255] * 15), "n" * 255 + "/x", "."])
def test_names_that_linux_holds_are_taken(path: str) -> None:
    check_name(file(path))


@pytest.mark.parametrize(
    ("path", "size"), [("n" * 256, 256), ("é" * 128, 256), (f"a/{'n' * 300}", 300), (f"{'n' * 256}/a", 256)]
)
def test_a_name_that_would_be_cut_is_refused_with_what_put_it_there(path: str, size: int) -> None:
    with pytest.raises(BuildError) as caught:
        check_name(file(path, origin=ORIGIN))
    message = f"init[0] lab: '{path}' has a name of {size} bytes; what Linux reads has at most 255"
    assert str(caught.value).startswith(message)
    assert caught.value.hint


def test_a_file_system_may_hold_less() -> None:
    check_name(file("n" * 253), 253)
    with pytest.raises(BuildError, match="a name of 254 bytes; what Linux reads has at most 253"):
        check_name(file("n" * 254), 253)
