"""Unified kernel images, as binutils reads them."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support import pe
from support.fat import extracted
from support.kit import kit_store
from support.layouts import MIB
from support.newc import members
from support.plans import map_bytes, save
from support.roots import CMDLINE, IMAGE, build_input, efi_board, rootfs, zipped
from support.tools import need

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.errors import BoardError, BuildError
from lkboard.events import Job
from lkboard.formats import catalogue
from lkboard.formats.format import no_part
from lkboard.resources import resource

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.board import Board
    from lkboard.model.rootfs import Rootfs

MICROCODE = b"070701" + b"microcode" * 100


def sections(tmp_path: Path, root: Rootfs, board: Board) -> dict[str, bytes]:
    """Return the sections that a build adds to the stub."""
    need("objdump", "objcopy")
    (tmp_path / "cache").mkdir()
    (planned,) = catalogue()["uki"].plan(build_input(tmp_path / "cache", root, board))
    image = save(planned.extents, tmp_path / "image.efi")
    return {name: pe.section_bytes(image, name, tmp_path) for name in pe.sections(image) if name != ".text"}


def test_it_holds_what_the_boot_loader_would_hand_over(tmp_path: Path) -> None:
    found = sections(tmp_path, rootfs(), efi_board())
    assert list(found) == [".osrel", ".cmdline", ".linux", ".initrd"]
    assert found[".cmdline"].decode() == CMDLINE
    assert found[".linux"] == IMAGE
    assert "bin/sh" in [member.name for member in members(gzip.decompress(found[".initrd"]))]


def test_it_says_what_system_it_is(tmp_path: Path) -> None:
    assert b"\nID=" in b"\n" + sections(tmp_path, rootfs(), efi_board())[".osrel"]


def test_microcode_is_in_front_of_the_initrd(tmp_path: Path) -> None:
    found = sections(tmp_path, rootfs(microcode=MICROCODE), efi_board())
    assert found[".initrd"].startswith(MICROCODE)


def test_the_board_adds_to_the_command_line(tmp_path: Path) -> None:
    board = replace(efi_board(), console=("tty0", "ttyS0"), arguments=("panic=5",))
    found = sections(tmp_path, rootfs(cmdline="quiet"), board)
    assert found[".cmdline"] == b"quiet console=tty0 console=ttyS0 panic=5"


def test_a_line_break_in_the_command_line_becomes_a_blank(tmp_path: Path) -> None:
    assert sections(tmp_path, rootfs(cmdline="a\nb"), efi_board())[".cmdline"] == b"a b"


def test_a_kernel_that_firmware_cannot_start_packed_is_unpacked(tmp_path: Path) -> None:
    board = replace(efi_board(), kernel_form="image")
    assert sections(tmp_path, rootfs(kernel=zipped()), board)[".linux"] == IMAGE


def test_a_config_without_a_kernel(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="the config has no kernel"):
        catalogue()["uki"].plan(build_input(tmp_path, rootfs(kernel=None), efi_board()))


def test_a_board_without_the_stub(tmp_path: Path) -> None:
    given = replace(build_input(tmp_path, rootfs(), efi_board()), part=no_part)
    with pytest.raises(BoardError, match="the part 'uki-stub'"):
        catalogue()["uki"].plan(given)


@pytest.mark.kit
def test_the_kit_is_joined_to_debians_stub(tmp_path: Path) -> None:
    need("objdump", "objcopy")
    (tmp_path / "demo.yml").write_text(resource("examples/demo.yml").read_text())
    options = BuildOptions(
        files=(str(tmp_path / "demo.yml"),),
        formats=("uki", "kernel+initrd"),
        architecture="amd64",
        directory=str(tmp_path),
        cache=str(kit_store()),
    )
    build(options, Job())
    image = tmp_path / "demo.efi"
    assert {".text", ".reloc", ".sbat", ".linux", ".initrd"} <= set(pe.sections(image))
    for section, file in ((".linux", "demo-kernel"), (".initrd", "demo-initrd.img")):
        assert pe.section_bytes(image, section, tmp_path) == (tmp_path / file).read_bytes()


class TestInThePlaceOfABootLoader:
    def esp(self, tmp_path: Path, board: Board, *, is_unified: bool = True) -> dict[str, bytes]:
        (tmp_path / "esp").mkdir()
        given = replace(build_input(tmp_path / "cache", rootfs(), board), is_unified=is_unified)
        (planned,) = catalogue()["raw-efi"].plan(given)
        return extracted(save(planned.extents, tmp_path / "disk.img"), tmp_path / "esp", MIB)

    def test_only_the_program_and_what_belongs_to_the_board_is_on_the_disk(self, tmp_path: Path) -> None:
        files = self.esp(tmp_path, efi_board())
        assert set(files) == {"EFI/BOOT/BOOTX64.EFI", "firmware.bin"}

    def test_it_is_the_very_program_of_the_format_uki(self, tmp_path: Path) -> None:
        (planned,) = catalogue()["uki"].plan(build_input(tmp_path / "cache", rootfs(), efi_board()))
        assert self.esp(tmp_path, efi_board())["EFI/BOOT/BOOTX64.EFI"] == map_bytes(planned.extents)

    def test_arm_firmware_looks_for_another_name(self, tmp_path: Path) -> None:
        assert "EFI/BOOT/BOOTAA64.EFI" in self.esp(tmp_path, replace(efi_board(), architecture="arm64"))

    def test_without_it_the_boot_loader_stays(self, tmp_path: Path) -> None:
        assert self.esp(tmp_path, efi_board(), is_unified=False)["EFI/BOOT/BOOTX64.EFI"] == b"loader"
