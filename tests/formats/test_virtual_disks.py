"""Formats that wrap a raw disk: QEMU reads from them what the raw format writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.roots import build_input, efi_board, rootfs
from support.virtual_disks import assert_same_disk, assert_sound

from lkboard.formats import boot_disk, catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput
    from lkboard.model.extents import ExtentMap


@pytest.fixture
def build(tmp_path: Path) -> BuildInput:
    return build_input(tmp_path / "cache", rootfs(), efi_board())


def made(name: str, build: BuildInput) -> ExtentMap:
    (planned,) = catalogue()[name].plan(build)
    return planned.extents


def test_qcow2_efi_is_the_disk_of_raw_efi(build: BuildInput, tmp_path: Path) -> None:
    assert_sound(assert_same_disk(made("raw-efi", build), made("qcow2-efi", build), "qcow2", tmp_path), "qcow2")


def test_qcow2_efi_leaves_out_what_is_free(build: BuildInput) -> None:
    assert made("qcow2-efi", build).size < boot_disk.plan(build).size / 10
