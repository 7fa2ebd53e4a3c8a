"""The disc of ``iso-bios``: a BIOS starts it in a CD reader, and from a stick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.booting import assert_web_answers, board_with_a_disc, built_demo
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit, pytest.mark.nightly]


@pytest.mark.parametrize("is_disc", [True, False], ids=["disc", "disc on a stick"])
def test_the_web_service_of_the_demo_answers(tmp_path: Path, *, is_disc: bool) -> None:
    need("qemu-system-x86_64", "qemu-img")
    image = built_demo("iso-bios", "amd64", tmp_path)
    (tmp_path / "board").mkdir()
    assert_web_answers(image, board_with_a_disc("x86-bios", tmp_path / "board") if is_disc else "x86-bios")
