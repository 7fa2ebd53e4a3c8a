"""The demo in any format, and whether it boots: what the tests of all bootable formats share."""

from __future__ import annotations

from pathlib import Path

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.events import Job
from lkboard.resources import boards_root, resource
from support.kit import kit_store

TIME_LIMIT = 400.0
"""Seconds; many times what an idle machine takes (boot.md section 1)."""


def built_demo(name: str, architecture: str, folder: Path, *, is_unified: bool = False) -> Path:
    """Return the demo in a format, made in a folder."""
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


def assert_web_answers(image: Path, board: str) -> None:
    """Boot an image and fail unless the demo's web service answers."""
    options = TestOptions(
        image=str(image),
        board=board,
        timeout=TIME_LIMIT,
        accelerator="tcg",
        expect_http=("80",),
        cache=str(kit_store()),
    )
    verdict = boot_test(options, Job())
    assert verdict.passed, "\n".join((verdict.reason, *verdict.console))
    assert verdict.stages[-1].evidence.startswith("HTTP 200")
