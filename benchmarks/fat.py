"""How long a FAT file system takes: lkboard's planner, mtools, and the cheapest way to copy the same bytes.

    python benchmarks/fat.py [--vs mtools] [--runs 5] [--mib 128]

CPU seconds (children included), median; wall time is not shown because it depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk import fat
from lkboard.disk.output import write_file
from lkboard.model.disk import BootFile
from lkboard.model.extents import Content, FileSpan

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
BIG_FILES = {"kernel": 33 * MIB, "initrd.img": 40 * MIB, "EFI/BOOT/BOOTX64.EFI": 4 * MIB}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vs", choices=["mtools"], help="also measure this peer")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mib", type=int, default=128, help="size of the file system")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tree = make_tree(work / "tree")
        image = work / "fat.img"
        rows = {
            "copy_file_range (the limit)": lambda: copy(tree, work / "copy"),
            "lkboard": lambda: plan_and_write(tree, work / "tree", image, options.mib * MIB),
        }
        if options.vs == "mtools":
            rows["mkfs.fat + mcopy"] = lambda: mtools(work / "tree", image, options.mib * MIB)
        for name, action in rows.items():
            print(f"{name:30} {median(action, options.runs):7.3f} s CPU")


def make_tree(root: Path) -> list[Path]:
    noise = random.Random(1)
    files = dict(BIG_FILES)
    files |= {f"overlays/{n % 4}/device-tree-overlay-number-{n}.dtbo": noise.randrange(500, 30_000) for n in range(300)}
    paths = []
    for name, size in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise.randbytes(size))
        paths.append(path)
    return paths


def copy(tree: list[Path], destination: Path) -> None:
    with destination.open("wb") as target:
        for path in tree:
            with path.open("rb") as source:
                left = path.stat().st_size
                while left:
                    left -= os.copy_file_range(source.fileno(), target.fileno(), left)


def plan_and_write(tree: list[Path], root: Path, image: Path, size: int) -> None:
    files = [
        BootFile(path.relative_to(root).as_posix(), Content((FileSpan(str(path), 0, path.stat().st_size),)))
        for path in tree
    ]
    write_file(fat.plan(files, size_bytes=size), image, on_bytes=lambda _done: None)


def mtools(root: Path, image: Path, size: int) -> None:
    image.unlink(missing_ok=True)
    subprocess.run(["mkfs.fat", "-F", "32", "-s", "1", "-C", str(image), str(size // 1024)], check=True, stdout=-3)
    subprocess.run(["mcopy", "-s", "-i", str(image), *map(str, root.iterdir()), "::"], check=True)


def median(action: Callable[[], None], runs: int) -> float:
    times = []
    for _ in range(runs):
        before = sum(os.times()[:4])
        action()
        times.append(sum(os.times()[:4]) - before)
    return statistics.median(times)


if __name__ == "__main__":
    main()
