"""What UEFI starts besides the disk with a boot loader: a unified kernel image, and discs, also on a stick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.booting import assert_web_answers, board_with_a_disc, built_demo
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit, pytest.mark.nightly]

BOARDS = {"amd64": "x86-efi", "arm64": "arm64-efi"}


@pytest.mark.parametrize("architecture", sorted(BOARDS))
@pytest.mark.parametrize(
    ("name", "is_unified", "is_disc"),
    [("raw-efi", True, False), ("iso-efi", False, True), ("iso-efi", False, False), ("iso-efi", True, True)],
    ids=["uki on a disk", "disc", "disc on a stick", "disc with uki"],
)
def test_the_web_service_of_the_demo_answers(
    architecture: str, name: str, tmp_path: Path, *, is_unified: bool, is_disc: bool
) -> None:
    need("qemu-system-x86_64", "qemu-system-aarch64", "qemu-img")
    image = built_demo(name, architecture, tmp_path, is_unified=is_unified)
    (tmp_path / "board").mkdir()
    board = BOARDS[architecture]
    assert_web_answers(image, board_with_a_disc(board, tmp_path / "board") if is_disc else board)
