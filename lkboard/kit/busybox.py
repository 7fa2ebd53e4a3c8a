"""busybox: one program under many names."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk.content import read
from lkboard.errors import BuildError

if TYPE_CHECKING:
    from lkboard.model.extents import Content

BUSYBOX = "bin/busybox"
PACKAGE = "busybox-static"


def applets(program: Content) -> tuple[str, ...]:
    """Return the paths of a busybox's applets (``bin/ls``). ``program`` must run on this machine.

    Raises `BuildError` when it does not.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "busybox")
        path.write_bytes(read(program))
        path.chmod(0o755)
        try:
            result = subprocess.run([path, "--list-full"], check=True, capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.SubprocessError) as error:
            raise BuildError(
                f"the package's busybox does not run on this machine: {error}",
                hint="is the folder for temporary files mounted noexec? set TMPDIR to another one",
            ) from error
    return tuple(sorted(name for name in result.stdout.split() if name != BUSYBOX and "/" in name))
