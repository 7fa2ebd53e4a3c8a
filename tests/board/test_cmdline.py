"""What a board adds to the command line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lkboard.board.catalogue import find_board
from lkboard.board.cmdline import command_line

BOARD = replace(find_board("rpi3", extra=()), console=("tty0", "ttyS1,115200"), arguments=("panic=10",))


@pytest.mark.parametrize(
    ("config", "whole"),
    [
        ("", "console=tty0 console=ttyS1,115200 panic=10"),
        ("quiet", "quiet console=tty0 console=ttyS1,115200 panic=10"),
        ("console=ttyAMA0 quiet", "console=ttyAMA0 quiet panic=10"),
        ("netconsole=x", "netconsole=x console=tty0 console=ttyS1,115200 panic=10"),
        ("a  b ", "a  b  console=tty0 console=ttyS1,115200 panic=10"),
    ],
)
def test_consoles_only_when_the_config_names_none_and_arguments_always(config: str, whole: str) -> None:
    assert command_line(BOARD, config) == whole
