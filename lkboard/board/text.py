"""The generated texts of a board: config.txt, cmdline.txt, boot loader entries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkboard.errors import BoardError, Place
from lkboard.model.disk import BootFile
from lkboard.model.extents import Content
from lkboard.model.suggest import suggest

if TYPE_CHECKING:
    from lkboard.model.board import Board

_SLOT = re.compile(r"\{(\w*)\}")
_SLOTS = ("kernel", "initrd", "cmdline", "grub_cmdline", "device_tree", "title")
# GRUB manual, section 6.1: what ends a word, quotes or is replaced; inside of double quotes only "$" and the backslash
_GRUB_SPECIAL = re.compile(r"""("[^"]*")|[$;&|<>{}#'"\\]""")
_GRUB_QUOTED_SPECIAL = re.compile(r"[$\\]")


def check_template(template: str, file: str) -> None:
    """Raise `BoardError` if a template has a slot that nothing fills."""
    for number, line in enumerate(template.splitlines(), start=1):
        for match in _SLOT.finditer(line):
            if match[1] not in _SLOTS:
                where = Place(file, number, match.start() + 1)
                raise BoardError(f"nothing fills '{match[0]}'", where=where, hint=suggest(match[1], _SLOTS))


def render(board: Board, cmdline: str) -> tuple[BootFile, ...]:
    """Return the board's texts, filled in. ``cmdline`` is the kernel's whole command line.

    A line break in it becomes a blank, which is the same to the kernel and safe in files that are made of lines. Bytes
    that are not UTF-8 stay as they are.
    """
    line = " ".join(cmdline.splitlines())
    values = {
        "kernel": board.kernel_path,
        "initrd": board.initrd_path,
        "cmdline": line,
        "grub_cmdline": _for_grub(line),
        "device_tree": board.device_tree,
        "title": board.title,
    }

    def fill(template: str) -> Content:
        return Content.of(_SLOT.sub(lambda match: values[match[1]], template).encode("utf-8", "surrogateescape"))

    return tuple(BootFile(text.to, fill(text.template)) for text in board.text)


def _for_grub(cmdline: str) -> str:
    """Return a command line as the script of GRUB that gives these words to the kernel. GRUB writes quotes anew."""
    return _GRUB_SPECIAL.sub(
        lambda found: _GRUB_QUOTED_SPECIAL.sub(r"\\\g<0>", found[1]) if found[1] else f"\\{found[0]}", cmdline
    )
