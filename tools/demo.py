"""The demo: build one config for three boards, boot each image in QEMU, and say how to flash it.

Run through ``make demo``. Everything stays below the folder ``demo``: the store, the images, the consoles.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.app.kit import KitOptions, build_kit
from lkboard.cli.render import Ui, human_time
from lkboard.errors import Cancelled, LkboardError
from lkboard.events import Job
from lkboard.model.units import human_size

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("demo")
CONFIG = ROOT / "resources" / "examples" / "demo.yml"
BOARDS = ("x86-efi", "arm64-efi", "rpi3")
TIME_LIMIT = 240.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    board: str
    image: str
    size: str
    build: str
    boot: str
    verdict: str


def try_board(board: str, cache: str, job: Job) -> Row:
    """Build the demo config for a board and boot it until its web service answers."""
    start = time.monotonic()
    options = BuildOptions(files=(str(CONFIG),), board=board, directory=str(FOLDER), cache=cache)
    artifact = build(options, job)[0]
    built = time.monotonic() - start
    test = TestOptions(image=artifact.path, board=board, expect_http=("80",), timeout=TIME_LIMIT)
    verdict = boot_test(test, job)
    text = "web service answers" if verdict.passed else f"failed: {verdict.reason}"
    return Row(
        board, artifact.path, human_size(artifact.size_bytes), human_time(built), human_time(verdict.seconds), text
    )


def main() -> int:
    """Run the demo; return 1 when an image did not boot."""
    ui = Ui()
    job = Job(ui.listen)
    FOLDER.mkdir(exist_ok=True)
    cache = str(FOLDER / "cache")
    try:
        build_kit(KitOptions(cache=cache), job)
        rows = [try_board(board, cache, job) for board in BOARDS]
    except LkboardError as error:
        ui.error(error)
        return error.exit_status
    except (Cancelled, KeyboardInterrupt):
        return Cancelled.exit_status
    header = Row("board", "image", "size", "build", "boot", "verdict")
    table = [(row.board, row.image, row.size, row.build, row.boot, row.verdict) for row in (header, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        ui.result("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    ui.result("\nTo put the Raspberry Pi image on a card (see its name with: lkboard devices):")
    ui.result(f"    lkboard write {rows[-1].image} --to /dev/sdX")
    return 0 if all(row.verdict == "web service answers" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
