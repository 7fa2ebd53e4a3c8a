"""A complete board on disk, to be changed by tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BOARD = """\
id: toy
title: Toy board
vendor: Nobody
aliases: [plaything]
support: untested
arch: arm64
boot_chain: rpi
format: sdcard
kernel: {path: kernel8.img, form: image}
initrd: {path: initrd.img}
device_tree: toy.dtb
console: [tty0, "ttyS1,115200"]
arguments: [panic=10]
modules: [vfat, bcm2835-rng]
layout:
  table: mbr
  partitions:
    - {name: boot, type: "0C", filesystem: fat32, start: 1 MiB, slack: 2 MiB, slack_percent: 3, active: true}
files:
  - {to: start.elf, debian: {package: raspi-firmware, path: usr/lib/start.elf}, licence: MIT, redistributable: true}
  - {to: toy.dtb, kernel: boot/dtb/toy.dtb, optional: true}
  - {to: logo.bmp, local: logo.bmp}
text:
  - {to: cmdline.txt, template: cmdline.txt}
emulate:
  machine: raspi3b
  boot: kernel
  disk: sd
  network: usb-net
  serial: 1
  u_boot: {package: u-boot-rpi, architecture: arm64, path: usr/lib/u-boot.bin}
  not_covered: [everything real]
"""

UEFI_BOARD = """\
id: toy
title: Toy
vendor: Nobody
support: untested
arch: amd64
boot_chain: uefi
format: raw-efi
kernel: {path: kernel}
initrd: {path: initrd.img}
layout:
  table: gpt
  partitions: [{name: EFI System, type: esp, filesystem: fat32, start: 1 MiB, slack: 2 MiB}]
"""
"""One for virtual machines; ``files``, ``parts`` and ``text`` may be added."""


def write_board(folder: Path, text: str = BOARD) -> Path:
    """Write the toy board, or another text, with the files it names; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.yml").write_text(text)
    (folder / "cmdline.txt").write_text("{cmdline}\n")
    (folder / "logo.bmp").write_bytes(b"BM")
    return folder
