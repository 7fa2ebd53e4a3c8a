"""What a module says about itself."""

from __future__ import annotations

import pytest
from support import elf

from lkboard.errors import BuildError
from lkboard.kit.modinfo import Modinfo, normal_name, read_modinfo


def test_all_fields_of_interest_are_read() -> None:
    data = elf.module(
        "license=GPL",
        "alias=pci:v00008086d*",
        "alias=fs-x",
        "depends=usb-storage,scsi_mod",
        "softdep=pre: crc32c post: extra",
        "name=x",
        "parm=a:b=c",
    )
    assert read_modinfo(data) == Modinfo(
        depends=("usb_storage", "scsi_mod"),
        softdeps=("pre: crc32c post: extra",),
        aliases=("pci:v00008086d*", "fs-x"),
    )


def test_the_words_of_soft_dependencies_are_names() -> None:
    info = Modinfo(softdeps=("pre: a b post: c", "post: d"))
    assert info.soft_names == ("a", "b", "c", "d")


@pytest.mark.parametrize("field", ["depends=", "name=x"])
def test_a_module_without_dependencies_has_none(field: str) -> None:
    assert read_modinfo(elf.module(field)).depends == ()


def test_an_object_without_modinfo_says_nothing() -> None:
    assert read_modinfo(elf.relocatable({".text": b""})) == Modinfo()


def test_padding_between_fields_is_skipped() -> None:
    data = elf.relocatable({".modinfo": b"depends=a\0\0\0\0alias=b\0"})
    assert read_modinfo(data) == Modinfo(depends=("a",), aliases=("b",))


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(BuildError):
        read_modinfo(b"\xfd7zXZ\0 compressed")


def test_dashes_in_names_count_as_underscores() -> None:
    assert normal_name("sdhci-iproc") == "sdhci_iproc"
