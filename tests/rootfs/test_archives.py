"""Which archive of an initrd is microcode, and no part of the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.entries import file, folder

from lkboard.rootfs.archives import is_microcode

if TYPE_CHECKING:
    from lkboard.model.rootfs import Entry

FOLDERS = [folder(path) for path in ("kernel", "kernel/x86", "kernel/x86/microcode")]
AMD = file("kernel/x86/microcode/AuthenticAMD.bin", b"x")


@pytest.mark.parametrize(
    ("archived", "expected"),
    [
        ([AMD], True),
        ([*FOLDERS, AMD, file("kernel/x86/microcode/GenuineIntel.bin", b"y")], True),
        ([folder("."), *FOLDERS, file("./kernel/x86/microcode/AuthenticAMD.bin", b"x")], True),
        ([], False),
        (FOLDERS, False),
        ([AMD, file("early_cpio", b"1")], False),
        ([AMD, folder("etc")], False),
        ([file("kernel/firmware/acpi/dsdt.aml", b"x")], False),
        ([file("kernel/x86/microcode", b"x")], False),
        ([file("kernel/x86/microcode/../../../etc/passwd", b"x")], False),
    ],
)
def test_only_what_the_kernel_takes_for_microcode_is(archived: list[Entry], expected: bool) -> None:
    assert is_microcode(archived) is expected
