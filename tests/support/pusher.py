"""A push in a process of its own: ``pusher.py STORE NAME DESTINATION QUIET_TIME``. It prints its warnings."""

from __future__ import annotations

import sys
from pathlib import Path

from lkboard.events import Event, Job, Note
from lkboard.model.reference import parse_reference
from lkboard.oci.registry.push import push
from lkboard.oci.store.store import Store
from support.pulls import settings_of


def main(root: Path, name: str, destination: str, quiet_time: float) -> None:
    """Push an image of a store."""

    def listen(event: Event) -> None:
        if isinstance(event, Note) and event.level == "warning":
            sys.stdout.write(f"{event.text}\n")

    push(Store(root), {name: parse_reference(destination)}, settings_of(quiet_time=quiet_time), Job(listen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]))
