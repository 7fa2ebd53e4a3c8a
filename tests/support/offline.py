"""The command line in a process that dies as soon as anything in it makes a socket."""

from __future__ import annotations

import subprocess
import sys

from support.processes import ENVIRONMENT

ALARM = 99
"""Exit status of a process that wanted to use the network."""

_PROGRAM = f"""
import os, sys

def alarm(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        os.write(2, f"{{event}}{{arguments}}".encode())
        os._exit({ALARM})

sys.addaudithook(alarm)
from lkboard.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def lkboard_without_sockets(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line; its status is `ALARM` when it asks for an address or makes a socket."""
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
