"""How long builds of the demo take, and how much memory: with an empty store of derived data, and again.

    python benchmarks/build.py [--runs 5] [--cache DIR]

The starter kit is taken from the store, which is lkboard's own without --cache, and made there if need be. "First"
unpacks and compresses everything, "warm" is the median of the builds that follow. Memory is the largest resident set of
a process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from measure import LKBOARD, MIB, cost

from lkboard.app.kit import list_kit
from lkboard.oci.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measure import Cost

DEMO = Path(__file__).parents[1] / "resources/examples/demo.yml"
DERIVED = ("layers", "segments", "packages")
"""What a store makes of what it was given, and can make again."""

BUILDS = {
    "kernel+initrd": ["--format", "kernel+initrd"],
    "tar": ["--format", "tar"],
    "rpi3": ["--board", "rpi3"],
    "x86-efi": ["--board", "x86-efi"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cache", help="a store with the starter kit")
    options = parser.parse_args()
    store = open_store(options.cache).root
    if not list_kit(str(store)):
        cost([*LKBOARD, "kit", "build", "--cache", str(store)], os.environ)
    print(f"{'demo.yml as':15} {'first s':>8} {'warm s':>8} {'CPU s':>7} {'MiB':>6}  {'size MiB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, "store")
        shutil.copytree(store, own, copy_function=link_or_copy, ignore=shutil.ignore_patterns(*DERIVED))
        environment = {**os.environ, "LKBOARD_CACHE": str(own), "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        cost([*LKBOARD, "--version"], environment)
        for name, arguments in BUILDS.items():
            out = Path(folder, name)
            out.mkdir()
            for kind in DERIVED:
                shutil.rmtree(own / ".lkboard" / kind, ignore_errors=True)
            command = [*LKBOARD, "build", "-q", str(DEMO), "--dir", str(out), *arguments]
            first, *warm = [cost(command, environment) for _ in range(options.runs + 1)]
            print(row(name, first, warm, sum(path.stat().st_size for path in out.iterdir())))


def row(name: str, first: Cost, warm: Sequence[Cost], size: int) -> str:
    wall, cpu = (statistics.median(getattr(run, field) for run in warm) for field in ("wall", "processor"))
    memory = max(run.memory for run in warm)
    return f"{name:15} {first.wall:8.2f} {wall:8.2f} {cpu:7.2f} {memory >> 20:6}  {size / MIB:9.1f}"


def link_or_copy(source: str, target: str) -> None:
    """Give a file of a store a second name: stores replace files, they do not change them."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


if __name__ == "__main__":
    main()
