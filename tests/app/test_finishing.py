"""How the files of a build are finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkboard.app.finishing import choose_compression, choose_sidecars, with_compression
from lkboard.errors import UsageError
from lkboard.formats import catalogue
from lkboard.model.artifact import COMPRESSIONS, Compression, Sidecar

MEDIA = {"raw-bios", "raw-efi", "sdcard", "aws", "iso-bios", "iso-efi", "iso-efi-initrd"}
"""Formats that are written to a medium, or imported, as they are."""

DISKS = MEDIA | {"qcow2-bios", "qcow2-efi", "vhd", "dynamic-vhd", "vmdk", "gcp"}


@pytest.mark.parametrize(
    ("format_name", "output", "asked", "expected"),
    [
        ("tar", "", None, None),
        ("tar", "x.tar", None, None),
        ("tar", "x.tar", "xz", "xz"),
        ("tar", "x.tar.gz", None, "gz"),
        ("tar", "x.tar.gz", "gz", "gz"),
        ("sdcard", "x.img.zst", None, "zst"),
        ("sdcard", "x.zstd", None, None),
        ("sdcard", "xz", None, None),
        ("gcp", "x.tar.gz", None, None),
        ("gcp", "x.tar.gz.xz", None, "xz"),
        ("gcp", "x.tar.gz.gz", None, "gz"),
        ("gcp", "x.tar.gz.gz", "gz", "gz"),
        ("gcp", "x.tar.gz.xz", "xz", "xz"),
        ("gcp", "x.raw", "gz", "gz"),
        ("tar", "-", "gz", "gz"),
    ],
)
def test_what_was_asked_for_or_what_the_name_says(
    format_name: str, output: str, asked: Compression | None, expected: Compression | None
) -> None:
    assert choose_compression(catalogue()[format_name], output, asked) == expected


@pytest.mark.parametrize("asked", COMPRESSIONS)
def test_a_name_for_another_compression_is_refused(asked: Compression) -> None:
    named = "xz" if asked != "xz" else "gz"
    with pytest.raises(UsageError, match=rf"'x\.{named}' is no name for --compress {asked} \(--compress {named}, or"):
        choose_compression(catalogue()["tar"], f"x.{named}", asked)


@pytest.mark.parametrize("asked", COMPRESSIONS)
def test_a_name_for_what_the_format_makes_by_itself_is_refused(asked: Compression) -> None:
    message = rf"'x\.tar\.gz' is no name for --compress {asked} \(leave it out, or -o x\.tar\.gz\.{asked}\)"
    with pytest.raises(UsageError, match=message):
        choose_compression(catalogue()["gcp"], "x.tar.gz", asked)


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_disks_have_sums_and_those_for_media_have_maps(name: str) -> None:
    expected: tuple[Sidecar, ...] = ("sha256", "bmap") if name in MEDIA else ("sha256",) if name in DISKS else ()
    assert choose_sidecars(catalogue()[name], None) == expected
    assert choose_sidecars(catalogue()[name], asked=True) == (expected or ("sha256",))
    assert choose_sidecars(catalogue()[name], asked=False) == ()


def test_a_compressed_file_has_a_longer_name() -> None:
    assert with_compression(Path("out/x.img"), "zst") == Path("out/x.img.zst")
    assert with_compression(Path("out/x.img"), None) == Path("out/x.img")
