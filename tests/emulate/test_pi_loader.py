"""What a Raspberry Pi would start from a card; the cards are made by other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.pi_cards import ARM64_IMAGE, CONFIG_TXT, PI_FILES, make_pi_card

from lkboard.board.catalogue import find_board
from lkboard.emulate.card import open_card
from lkboard.emulate.machine import KernelBoot
from lkboard.emulate.pi_loader import load_card
from lkboard.errors import BootFailed, DiskInvalid, EmulationError

if TYPE_CHECKING:
    from pathlib import Path

BOARD = find_board("rpi3", extra=())
GPT = "label: gpt\n2048,,C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n"


def load(tmp_path: Path, files: dict[str, bytes], *, table: str = "label: dos\n2048,,c,*\n") -> KernelBoot:
    card = make_pi_card(tmp_path / "card.img", files, table=table)
    folder = tmp_path / "loaded"
    folder.mkdir()
    with open_card(str(card)) as reader:
        return load_card(reader, BOARD, folder)


def changed(**files: bytes | None) -> dict[str, bytes]:
    """The files of a good card, some replaced or (None) left out; a dot in a name is written as two underscores."""
    given = {name.replace("__", "."): data for name, data in files.items()}
    return {name: data for name, data in {**PI_FILES, **given}.items() if data is not None}


def test_a_good_card(tmp_path: Path) -> None:
    boot = load(tmp_path, dict(PI_FILES))
    folder = tmp_path / "loaded"
    assert boot == KernelBoot(
        kernel=str(folder / "kernel8.img"),
        initrd=str(folder / "initrd.img"),
        device_tree=str(folder / "bcm2837-rpi-3-b.dtb"),
        cmdline="console=ttyS1,115200 quiet",
    )
    assert (folder / "kernel8.img").read_bytes() == ARM64_IMAGE
    assert (folder / "initrd.img").read_bytes() == b"initrd"


def test_the_settings_of_config_txt_count(tmp_path: Path) -> None:
    text = "arm_64bit=1\nkernel=Image\ncmdline=my.txt\ndevice_tree=dtb/mine.dtb\n"
    files = {"config.txt": text.encode(), "Image": ARM64_IMAGE, "my.txt": b"mine", "dtb/mine.dtb": b"t"}
    boot = load(tmp_path, {**PI_FILES, **files})
    assert (boot.kernel, boot.cmdline) == (str(tmp_path / "loaded" / "Image"), "mine")
    assert (boot.device_tree, boot.initrd) == (str(tmp_path / "loaded" / "dtb_mine.dtb"), "")


def test_fat_does_not_tell_upper_from_lower_case(tmp_path: Path) -> None:
    text = CONFIG_TXT.replace("kernel8.img", "KERNEL8.IMG")
    assert load(tmp_path, changed(config__txt=text.encode())).kernel.endswith("KERNEL8.IMG")


def test_a_compressed_kernel_is_left_to_the_loader(tmp_path: Path) -> None:
    assert load(tmp_path, changed(kernel8__img=b"\x1f\x8b\x08" + bytes(100))).kernel.endswith("kernel8.img")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("bootcode.bin", "firmware"),
        ("start.elf", "firmware"),
        ("fixup.dat", "firmware"),
        ("config.txt", "the firmware's configuration"),
        ("kernel8.img", "the kernel"),
        ("initrd.img", "the initrd"),
        ("cmdline.txt", "the command line"),
        ("bcm2837-rpi-3-b.dtb", "the device tree"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, name: str, what: str) -> None:
    files = {path: data for path, data in PI_FILES.items() if path != name}
    with pytest.raises(BootFailed) as caught:
        load(tmp_path, files)
    assert str(caught.value) == f"{what} is missing on the card: {name}"


def test_a_kernel_that_is_none_does_not_boot(tmp_path: Path) -> None:
    with pytest.raises(BootFailed, match="the kernel on the card is not an arm64 Image"):
        load(tmp_path, changed(kernel8__img=b"MZ" + bytes(100)))


def test_without_64_bits_the_kernel_does_not_boot(tmp_path: Path) -> None:
    text = CONFIG_TXT.replace("arm_64bit=1", "arm_64bit=0")
    with pytest.raises(BootFailed, match=r"^config\.txt:1: the firmware starts this kernel in 32-bit mode"):
        load(tmp_path, changed(config__txt=text.encode()))


def test_a_folder_that_the_firmware_would_prefer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="does not understand a folder 'upstream'"):
        load(tmp_path, {**PI_FILES, "upstream/kernel8.img": b""})


def test_a_card_that_leaves_the_device_tree_to_other_names_is_refused(tmp_path: Path) -> None:
    text = CONFIG_TXT.replace("upstream_kernel=1\n", "")
    with pytest.raises(EmulationError, match="mainline names of device trees only"):
        load(tmp_path, changed(config__txt=text.encode()))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (GPT, "the partition table is a GPT, its boot ROM reads only an MBR"),
        ("label: dos\n2048,,83,*\n", r"no partition has a FAT type \(0c\)"),
    ],
)
def test_a_card_that_the_boot_rom_does_not_read(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(BootFailed, match=f"the board finds no boot file system on the card: {message}"):
        load(tmp_path, dict(PI_FILES), table=table)


def test_a_partition_without_a_file_system_does_not_boot(tmp_path: Path) -> None:
    card = make_pi_card(tmp_path / "card.img", {})
    with card.open("r+b") as file:
        file.seek(1 << 20)
        file.write(bytes(1 << 20))
    with pytest.raises(DiskInvalid), open_card(str(card)) as reader:
        load_card(reader, BOARD, tmp_path)
