"""The generated texts of the boards that come with lkboard, as a maker finds them on the medium."""

from __future__ import annotations

import subprocess

import pytest
from support.tools import need

from lkboard.board.catalogue import find_board
from lkboard.board.text import render
from lkboard.disk.content import read

GOLDEN = {
    "rpi3": {
        "config.txt": (
            "# Raspberry Pi 3\n"
            "arm_64bit=1\n"
            "enable_uart=1\n"
            "# mainline names of device trees (bcm2837-*.dtb), so that one card fits all models\n"
            "upstream_kernel=1\n"
            "kernel=kernel8.img\n"
            "initramfs initrd.img followkernel\n"
        ),
        "cmdline.txt": "quiet console=tty0\n",
        "extlinux/extlinux.conf": (
            "DEFAULT lkboard\n"
            "TIMEOUT 0\n"
            "LABEL lkboard\n"
            "  KERNEL /kernel8.img\n"
            "  INITRD /initrd.img\n"
            "  FDT /bcm2837-rpi-3-b.dtb\n"
            "  APPEND quiet console=tty0\n"
        ),
    },
    "x86-efi": {
        "loader/loader.conf": "timeout 0\ndefault lkboard.conf\n",
        "loader/entries/lkboard.conf": (
            "title PC with UEFI\nlinux /kernel\ninitrd /initrd.img\noptions quiet console=tty0\n"
        ),
    },
    "x86-bios": {
        "grub/grub.cfg": ("set gfxpayload=text\nlinux /kernel quiet console=tty0\ninitrd /initrd.img\nboot\n"),
    },
    "arm64-efi": {
        "loader/loader.conf": "timeout 0\ndefault lkboard.conf\n",
        "loader/entries/lkboard.conf": (
            "title Arm machine with UEFI\nlinux /kernel\ninitrd /initrd.img\noptions quiet console=tty0\n"
        ),
    },
}


def rendered(board: str, cmdline: str) -> dict[str, str]:
    return {file.path: read(file.content).decode() for file in render(find_board(board, extra=()), cmdline)}


def test_a_command_line_that_is_not_utf_8_stays_as_it_is() -> None:
    (config, *_) = (
        file for file in render(find_board("rpi3", extra=()), "a=\udcff\udcfe") if file.path == "cmdline.txt"
    )
    assert read(config.content) == b"a=\xff\xfe\n"


def test_texts_of_all_boards() -> None:
    assert {board: rendered(board, "quiet console=tty0") for board in GOLDEN} == GOLDEN


def test_a_line_break_in_the_command_line_cannot_add_lines() -> None:
    assert rendered("rpi3", "a\nb")["cmdline.txt"] == "a b\n"


def test_braces_of_the_command_line_are_not_slots() -> None:
    assert rendered("rpi3", "x={kernel}")["cmdline.txt"] == "x={kernel}\n"


@pytest.mark.parametrize(
    ("cmdline", "script"),
    [
        ("quiet console=ttyS0,115200 a.b=c", "quiet console=ttyS0,115200 a.b=c"),
        ("a=1;2 b=$x c={d} e#f", r"a=1\;2 b=\$x c=\{d\} e\#f"),
        ("a&b|c<d>e", r"a\&b\|c\<d\>e"),
        ('dyndbg="file x +p; $y"', r'dyndbg="file x +p; \$y"'),
        ("name='it is' don't", r"name=\'it is\' don\'t"),
        ("domain\\user last\\", r"domain\\user last\\"),
        ('"c:\\" $x', r'"c:\\" \$x'),
        ('a="b c" 5"', r'a="b c" 5\"'),
    ],
)
def test_what_is_special_to_grub_is_escaped(cmdline: str, script: str) -> None:
    need("grub-script-check")
    config = rendered("x86-bios", cmdline)["grub/grub.cfg"]
    assert f"linux /kernel {script}\n" in config
    subprocess.run(["grub-script-check"], input=config.encode(), check=True)
