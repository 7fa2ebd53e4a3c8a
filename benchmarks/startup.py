"""How long lkboard takes to start, against the 150 ms that its help may take.

    python benchmarks/startup.py [--runs 20]

Wall time of whole processes, with byte code on the disk as an installed package has it. Fails when the fastest run of
--help is over the limit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from typing import TYPE_CHECKING

from measure import cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIMIT_SECONDS = 0.150
COMMANDS = {
    "python -c pass (the limit)": ["-c", "pass"],
    "lkboard --help": ["-m", "lkboard", "--help"],
    "lkboard version": ["-m", "lkboard", "version"],
    "lkboard build --help": ["-m", "lkboard", "build", "--help"],
    "lkboard boards": ["-m", "lkboard", "boards"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as byte_code:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": byte_code}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        times = {name: walls(command, environment, runs) for name, command in COMMANDS.items()}
    print(f"{'':28} {'min ms':>8} {'median ms':>10}")
    for name, seconds in times.items():
        print(f"{name:28} {min(seconds) * 1000:8.0f} {statistics.median(seconds) * 1000:10.0f}")
    return int(min(times["lkboard --help"]) > LIMIT_SECONDS)


def walls(command: Sequence[str], environment: Mapping[str, str], runs: int) -> list[float]:
    """Return the seconds of each run, after one that does not count."""
    return [cost([sys.executable, *command], environment).wall for _ in range(runs + 1)][1:]


if __name__ == "__main__":
    sys.exit(main())
