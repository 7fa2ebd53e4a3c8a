"""What UEFI starts besides the disk with a boot loader: a unified kernel image, and discs, also on a stick."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.kit import kit_store
from support.tools import need

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.app.build import build
from lkboard.app.build_plan import BuildOptions
from lkboard.events import Job
from lkboard.resources import boards_root, resource

pytestmark = [pytest.mark.boot, pytest.mark.kit, pytest.mark.nightly]

TIME_LIMIT = 400.0  # many times what an idle machine takes (boot.md section 1)
BOARDS = {"amd64": "x86-efi", "arm64": "arm64-efi"}


def built(name: str, architecture: str, folder: Path, *, is_unified: bool) -> Path:
    """Return the demo in a format."""
    (folder / "demo.yml").write_text(resource("examples/demo.yml").read_text())
    options = BuildOptions(
        files=(str(folder / "demo.yml"),),
        formats=(name,),
        architecture=architecture,
        unified_kernel=is_unified,
        directory=str(folder),
        cache=str(kit_store()),
    )
    return Path(build(options, Job())[0].path)


def board_with_a_disc(board: str, folder: Path) -> str:
    """Return the folder of a board that plays its image in a CD reader."""
    for file in (boards_root() / board).iterdir():
        text = file.read_text().replace(f"id: {board}\n", "id: with-disc\n").replace("aliases: [", "aliases: [disc-")
        (folder / file.name).write_text(text.replace("  boot: firmware\n", "  boot: firmware\n  disk: cd\n"))
    return f"{folder}/"


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
    image = built(name, architecture, tmp_path, is_unified=is_unified)
    (tmp_path / "board").mkdir()
    board = BOARDS[architecture]
    options = TestOptions(
        image=str(image),
        board=board_with_a_disc(board, tmp_path / "board") if is_disc else board,
        timeout=TIME_LIMIT,
        accelerator="tcg",
        expect_http=("80",),
        cache=str(kit_store()),
    )
    verdict = boot_test(options, Job())
    assert verdict.passed, "\n".join((verdict.reason, *verdict.console))
    assert verdict.stages[-1].evidence.startswith("HTTP 200")
