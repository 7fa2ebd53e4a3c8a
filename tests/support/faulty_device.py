"""A block device with programmable faults: nbdkit → nbdfuse → loop device (boot.md section 6)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.loops import attached, run
from support.tools import need
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLUGIN = Path(__file__).parent / "faulty_disk.py"


@dataclass(frozen=True, slots=True)
class FaultyDevice:
    """``path`` is the device to write to."""

    path: Path
    folder: Path

    def set_faults(self, **faults: object) -> None:
        """Replace the faults; they act from the next request on."""
        replacement = self.folder / "faults.new"
        replacement.write_text(json.dumps(faults))
        replacement.replace(self.folder / "faults.json")

    def pull_out(self) -> None:
        """Kill the disk, as when a card is pulled out."""
        os.kill(int((self.folder / "nbdkit.pid").read_text()), signal.SIGKILL)


@contextlib.contextmanager
def faulty_device(folder: Path, size: int) -> Iterator[FaultyDevice]:
    """Run a device of ``size`` bytes, all of them 0xa5, without faults at first."""
    need("nbdkit", "nbdfuse", "fusermount3")
    (folder / "mount").mkdir()
    socket, pid = folder / "socket", folder / "nbdkit.pid"
    nbdkit = subprocess.Popen(
        ["nbdkit", "--foreground", "--unix", socket, "--pidfile", pid, "python", _PLUGIN,
         f"size={size}", f"faults={folder / 'faults.json'}"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(pid, nbdkit)
        disk = folder / "mount" / "disk"
        nbdfuse = subprocess.Popen(["nbdfuse", disk, "--unix", socket], stderr=subprocess.DEVNULL)
        try:
            _wait_for(disk, nbdfuse)
            with attached(disk, "--direct-io=on") as path:
                yield FaultyDevice(path, folder)
        finally:
            run("umount", "--lazy", str(folder / "mount"))
            nbdfuse.wait()
    finally:
        nbdkit.kill()
        nbdkit.wait()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a program has made a file."""

    def is_there() -> bool:
        assert process.poll() is None, f"{process.args!r} ended"
        return path.exists()

    wait_until(is_there)
