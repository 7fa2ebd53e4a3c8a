"""A writer that is killed in the middle: ``dying_writer.py IMAGE TARGET EVENT``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from lkboard.devices.snapshot import find
from lkboard.disk.sparse import map_file
from lkboard.model.target import WritePlan
from lkboard.targets import kind_for
from lkboard.targets.engine import write_image
from support.writes import job_that_acts_at


def main(image: str, target: str, event: str) -> None:
    """Write the image and die at the given progress event."""
    device = find(target) if Path(target).exists() else None
    plan = WritePlan(image, target, 0, 0, device=device)
    job = job_that_acts_at(int(event), lambda _job: os.kill(os.getpid(), signal.SIGKILL))
    write_image(kind_for(plan).make(plan), map_file(Path(image)), job)


if __name__ == "__main__":
    main(*sys.argv[1:])
