"""Rules for a config on a certain board."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lkboard.config.rules.finding import Finding, warning
from lkboard.errors import Place
from lkboard.model.board import KernelSource
from lkboard.model.config import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.config.rules.finding import Located
    from lkboard.model.board import Board
    from lkboard.model.config import Config

_BOOT = "boot/"
_LOADED = frozenset(["boot/kernel", "boot/cmdline", "boot/ucode.cpio"])
_CONSOLE = re.compile(r"(?:^|\s)console=([^\s,]+)")


def board_needs_kernel(config: Config, board: Board) -> Iterator[Located]:
    """Find that there is nothing to boot."""
    if config.kernel.image is None:
        hint = "add a kernel section: kernel: {image: NAME:TAG}"
        first = config.sources[0].name if config.sources else ""
        missing = Places(Place(first), path="kernel")
        places = config.kernel.places if config.kernel.places.own.file else missing
        yield places, Finding("", f"the board {board.id} cannot boot without a kernel", hint)


def board_console(config: Config, board: Board) -> Iterator[Located]:
    """Find consoles none of which the board has; without any, the board's own are added."""
    named = _CONSOLE.findall(config.kernel.cmdline)
    fitting = [console.removeprefix("console=").partition(",")[0] for console in board.console]
    if named and fitting and not set(named) & set(fitting):
        message = f"the board {board.id} has no console {' or '.join(named)}"
        hint = f"write console={fitting[0]}, or leave it out and the board's own is used"
        yield config.kernel.places, warning("cmdline", message, hint)


def board_leaves_out(config: Config, board: Board) -> Iterator[Located]:
    """Find files in ``boot`` that the board does not take: the initrd has nothing of that folder."""
    taken = _LOADED | {file.source.path for file in board.files if isinstance(file.source, KernelSource)}
    for file in config.files:
        path = posixpath.normpath(file.path.lstrip("/"))
        if path.startswith(_BOOT) and path not in taken and not file.directory:
            message = (
                f"'{file.path}' will not be in the image: the board {board.id} loads only its own files from /boot"
            )
            yield file.places, warning("path", message, "put it elsewhere")
