"""Which image of an index runs on a platform."""

from __future__ import annotations

import pytest

from lkboard.model.image import Descriptor, Platform
from lkboard.oci.image_spec.media_types import OCI_INDEX, OCI_MANIFEST
from lkboard.oci.image_spec.platform import choose, is_among, is_suitable, parse_platform


def platform(text: str) -> Platform:
    os, architecture, *variant = text.split("/")
    return Platform(os, architecture, variant[0] if variant else "")


def entry(number: int, text: str, media_type: str = OCI_MANIFEST) -> Descriptor:
    return Descriptor(media_type, f"sha256:{number:064x}", 1, platform(text) if text else None)


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        ("linux/amd64 linux/arm64", "linux/amd64", 0),
        ("linux/amd64 linux/arm64", "linux/arm64", 1),
        ("linux/amd64 linux/arm64", "linux/riscv64", None),
        ("linux/amd64 linux/amd64", "linux/amd64", 0),
        ("windows/amd64 linux/amd64", "linux/amd64", 1),
        ("windows/amd64", "linux/amd64", None),
        ("linux/arm64/v8", "linux/arm64", 0),
        ("linux/arm64", "linux/arm64/v8", 0),
        ("linux/arm/v6 linux/arm/v7 linux/arm64/v8", "linux/arm64", 2),
        ("linux/arm64/v9 linux/arm64/v8", "linux/arm64", 1),
        ("linux/arm64/v9", "linux/arm64", 0),
        ("linux/arm64/v9", "linux/arm64/v8", None),
        ("linux/arm64/v8 linux/arm64/v8.2", "linux/arm64/v9", 1),
        ("linux/arm/v5 linux/arm/v7 linux/arm/v6", "linux/arm", 1),
        ("linux/arm/v5 linux/arm/v6", "linux/arm", 1),
        ("linux/arm/v5 linux/arm/v7 linux/arm/v6", "linux/arm/v6", 2),
        ("linux/arm/v7", "linux/arm/v6", None),
        ("linux/arm", "linux/arm/v7", 0),
        ("linux/arm/v8 linux/arm/v7", "linux/arm", 1),
        ("linux/amd64/v3 linux/amd64", "linux/amd64", 1),
        ("linux/amd64/v3 linux/amd64/v2", "linux/amd64", 1),
        ("linux/amd64 linux/amd64/v2 linux/amd64/v4", "linux/amd64/v3", 1),
        ("linux/amd64/v4", "linux/amd64/v3", None),
        ("linux/amd64/odd", "linux/amd64", 0),
        ("linux/amd64/odd linux/amd64", "linux/amd64", 1),
        ("linux/amd64/odd", "linux/amd64/v2", None),
        ("linux/riscv64", "linux/riscv64", 0),
        ("linux/riscv64/rva23", "linux/riscv64", 0),
        ("linux/riscv64/rva20 linux/riscv64/rva23", "linux/riscv64/rva23", 1),
        ("unknown/unknown", "unknown/unknown", None),
        ("", "linux/amd64", None),
    ],
)
def test_the_best_entry_is_chosen(offered: str, wanted: str, chosen: int | None) -> None:
    entries = [entry(number, text) for number, text in enumerate(offered.split() or [""])]
    assert choose(entries, platform(wanted)) == (None if chosen is None else entries[chosen])


def test_an_index_in_an_index_is_not_an_image() -> None:
    assert choose([entry(0, "linux/amd64", OCI_INDEX)], Platform("linux", "amd64")) is None


def test_no_entries_are_no_choice() -> None:
    assert choose([], Platform("linux", "amd64")) is None


@pytest.mark.parametrize(
    ("offered", "wanted", "expected"),
    [
        (Platform("linux", "amd64"), Platform("linux", "amd64"), True),
        (Platform("linux", "amd64"), Platform("linux", "arm64"), False),
        (Platform("windows", "amd64"), Platform("linux", "amd64"), False),
        (Platform("", "amd64"), Platform("linux", "amd64"), True),
        (Platform("linux", ""), Platform("linux", "arm64"), True),
        (Platform("linux", "arm64", "v8"), Platform("linux", "arm64"), True),
    ],
)
def test_what_a_configuration_leaves_out_does_not_matter(offered: Platform, wanted: Platform, expected: bool) -> None:
    assert is_suitable(offered, wanted) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amd64", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armhf", "linux/arm/v7"),
        ("armel", "linux/arm/v6"),
        ("i386", "linux/386"),
        ("riscv64", "linux/riscv64"),
        ("arm/v6", "linux/arm/v6"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/aarch64", "linux/arm64"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_a_platform_may_be_called_as_uname_does(text: str, expected: str) -> None:
    assert str(parse_platform(text)) == expected


@pytest.mark.parametrize(
    ("offered", "wanted", "expected"),
    [
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64/v9", "linux/arm64/v8", False),
        ("linux/arm64", "linux/arm64/v9", False),
        ("linux/arm", "linux/arm/v7", True),
        ("linux/amd64", "linux/amd64/v1", True),
        ("linux/riscv64", "linux/riscv64/x", False),
        ("linux/arm64", "linux/amd64", False),
    ],
)
def test_no_variant_is_the_least_one(offered: str, wanted: str, expected: bool) -> None:
    assert is_among(platform(offered), [platform(wanted)]) is expected


@pytest.mark.parametrize("variant", [f"v{'9' * 5000}", f"v8.{'9' * 5000}", "v\u0662", "v8.\u00b2"])
def test_variants_that_are_no_numbers_have_no_order(variant: str) -> None:
    made = Descriptor(OCI_MANIFEST, f"sha256:{0:064x}", 1, Platform("linux", "arm64", variant))
    assert choose([made], Platform("linux", "arm64")) == made
    assert choose([made], Platform("linux", "arm64", "v8")) is None
