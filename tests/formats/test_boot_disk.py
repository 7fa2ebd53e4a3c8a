from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.fat import extracted, mtools
from support.layouts import CARD, MIB
from support.newc import members
from support.plans import boot_files, save
from support.roots import CMDLINE, IMAGE, build_input, card_board, efi_board, rootfs, zipped
from support.tables import sfdisk, sgdisk

from lkboard.disk.fat_reader import FatReader
from lkboard.errors import BuildError, TooSmall
from lkboard.formats import boot_disk, catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.formats.format import BuildInput
    from lkboard.model.board import Board


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "cache"
    path.mkdir()
    return path


def written(build: BuildInput, tmp_path: Path) -> Path:
    assert build.board is not None
    (planned,) = catalogue()[build.board.format].plan(build)
    return save(planned.extents, tmp_path / "disk.img")


@pytest.mark.parametrize("board", [card_board(), efi_board()], ids=["card", "efi"])
def test_everything_a_board_needs_is_on_its_disk(cache: Path, tmp_path: Path, board: Board) -> None:
    path = written(build_input(cache, rootfs(), board), tmp_path)
    (tmp_path / "out").mkdir()
    files = extracted(path, tmp_path / "out", MIB)
    wanted = {"firmware.bin", "EFI/BOOT/BOOTX64.EFI", board.kernel_path, board.initrd_path}
    assert set(files) == wanted | {text.to for text in board.text}
    assert files[board.kernel_path] == IMAGE
    assert "bin/sh" in [member.name for member in members(gzip.decompress(files[board.initrd_path]))]


def test_texts_are_filled_in_for_the_board(cache: Path, tmp_path: Path) -> None:
    with FatReader(written(build_input(cache, rootfs(), card_board()), tmp_path), MIB) as card:
        assert card.read("config.txt") == b"kernel=kernel8.img\n"
        assert card.read("cmdline.txt") == f"{CMDLINE} panic=10\n".encode()


def test_a_command_line_without_a_console_gets_those_of_the_board(cache: Path, tmp_path: Path) -> None:
    with FatReader(written(build_input(cache, rootfs(cmdline="quiet"), card_board()), tmp_path), MIB) as card:
        assert card.read("cmdline.txt") == b"quiet console=tty0 console=ttyS1,115200 panic=10\n"


def test_a_card_is_an_mbr_with_an_active_fat_partition(cache: Path, tmp_path: Path) -> None:
    table = sfdisk(written(build_input(cache, rootfs(), card_board()), tmp_path))
    (boot,) = table["partitions"]
    assert (table["label"], boot["type"], boot["bootable"], boot["start"]) == ("dos", "c", True, 2048)


def test_an_efi_disk_is_a_gpt_without_problems(cache: Path, tmp_path: Path) -> None:
    path = written(build_input(cache, rootfs(), efi_board()), tmp_path)
    assert "No problems found" in sgdisk(path, "-v")
    assert "EFI system partition" in sgdisk(path, "-i", "1")


def test_the_label_is_the_name_of_the_partition(cache: Path, tmp_path: Path) -> None:
    path = written(build_input(cache, rootfs(), efi_board()), tmp_path)
    assert "is EFI SYSTEM" in mtools("mdir", "-i", f"{path}@@{MIB}", "::")


def test_a_board_that_wants_a_raw_kernel_gets_one(cache: Path, tmp_path: Path) -> None:
    with FatReader(written(build_input(cache, rootfs(kernel=zipped()), card_board()), tmp_path), MIB) as card:
        assert card.read("kernel8.img") == IMAGE


def test_other_boards_get_the_kernel_as_it_is(cache: Path, tmp_path: Path) -> None:
    with FatReader(written(build_input(cache, rootfs(kernel=zipped()), efi_board()), tmp_path), MIB) as disk:
        assert disk.read("kernel") == zipped()


def test_microcode_stands_in_front_of_the_initrd(cache: Path, tmp_path: Path) -> None:
    build = build_input(cache, rootfs(microcode=b"microcode"), efi_board())
    with FatReader(written(build, tmp_path), MIB) as disk:
        assert disk.read("initrd.img").startswith(b"microcode\x1f\x8b")


@pytest.mark.parametrize("board", [card_board(), efi_board()], ids=["card", "efi"])
def test_a_config_without_a_kernel_is_refused(cache: Path, board: Board) -> None:
    with pytest.raises(BuildError) as caught:
        boot_disk.plan(build_input(cache, rootfs(kernel=None), board))
    assert str(caught.value) == (
        f"the config has no kernel, so there is nothing that the board '{board.id}' could start "
        "(add 'kernel: {image: …}' to the config)"
    )


def test_two_files_of_one_name_are_refused(cache: Path) -> None:
    build = replace(build_input(cache, rootfs(), card_board()), board_files=boot_files({"INITRD.IMG": b"x"}))
    with pytest.raises(BuildError, match=r"'initrd\.img' and 'INITRD\.IMG' are the same name"):
        boot_disk.plan(build)


def test_a_board_with_a_fixed_size_may_be_too_small(cache: Path) -> None:
    rule = replace(CARD, partitions=(replace(CARD.partitions[0], size_bytes=33 * MIB),))
    build = build_input(cache, rootfs(kernel=IMAGE + bytes(40 * MIB)), replace(card_board(), layout=rule))
    with pytest.raises(TooSmall, match="needs 41 MiB for these files, it is given 33 MiB"):
        boot_disk.plan(build)


def test_the_disk_is_as_large_as_its_content(cache: Path) -> None:
    small = boot_disk.plan(build_input(cache, rootfs(), card_board()))
    large = boot_disk.plan(build_input(cache, rootfs(kernel=IMAGE + bytes(100 * MIB)), card_board()))
    assert small.size == 34 * MIB
    assert 101 * MIB < large.size < 106 * MIB


def test_ids_follow_the_content(cache: Path, tmp_path: Path) -> None:
    one = sfdisk(written(build_input(cache, rootfs(), efi_board()), tmp_path))["id"]
    other = sfdisk(written(build_input(cache, rootfs(cmdline="other"), efi_board()), tmp_path))["id"]
    assert one != other
