"""Parts of a board: fetched when a format asks for them, and missed by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import pe
from support.boards import BOARD, write_board
from support.tools import need

from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.errors import BoardError

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob
    from support.lab import Lab

pytestmark = pytest.mark.registry

UKI_BOARD = (
    BOARD.replace("format: sdcard", "format: uki")
    .replace("arch: arm64", "arch: amd64")
    .replace("boot_chain: rpi", "boot_chain: uefi")
    .replace(", form: image", "")
    .partition("files:")[0]
)


def made(lab: Lab, folder: Path, board: str, job: RecordingJob) -> Path:
    write_board(folder, board)
    (folder / "stub").write_bytes(pe.program())
    options = BuildOptions((str(lab.config()),), board=f"{folder}/", output=str(folder / "x.efi"), cache=str(lab.cache))
    build(options, job)
    return folder / "x.efi"


def test_a_part_is_what_the_format_builds_from(lab: Lab, job: RecordingJob, tmp_path: Path) -> None:
    need("objdump")
    image = made(lab, tmp_path / "toy", UKI_BOARD + "parts:\n  - {name: uki-stub, local: stub}\n", job)
    assert list(pe.sections(image)) == [".text", ".osrel", ".cmdline", ".linux", ".initrd"]


def test_a_missing_part_is_named(lab: Lab, job: RecordingJob, tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="the board 'toy' has no part 'uki-stub'") as caught:
        made(lab, tmp_path / "toy", UKI_BOARD, job)
    assert caught.value.where == f"{tmp_path}/toy/board.yml:1:1"
    assert not (tmp_path / "toy" / "x.efi").exists()


def test_a_part_of_a_format_that_is_not_built_is_not_fetched(lab: Lab, job: RecordingJob, tmp_path: Path) -> None:
    need("objdump")
    other = "  - {name: other, kernel: boot/no-such-file}\n"
    image = made(lab, tmp_path / "toy", UKI_BOARD + "parts:\n  - {name: uki-stub, local: stub}\n" + other, job)
    assert image.exists()
