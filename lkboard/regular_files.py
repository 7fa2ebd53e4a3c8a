"""Files that can be read without waiting: a pipe that nobody writes to is waited for until lkboard is killed."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def check_regular(path: Path) -> None:
    """Raise OSError when there is something else than a regular file, or a link to one, at a path."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "a regular file is expected", str(path))
