"""``--input-tar``, which has LinuxKit take parts of a system from an earlier archive of it (build.md section 5.11).

Nothing is taken here: the store knows layers and segments by their content, so what has not changed is not done again
anyway. What would be wrong about the file with LinuxKit is still told.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from lkboard.errors import UsageError
from lkboard.regular_files import check_regular

if TYPE_CHECKING:
    from pathlib import Path


def check_input_tar(path: Path) -> None:
    """Raise `UsageError` for a file that is no plain tar."""
    try:
        check_regular(path)
        with tarfile.open(path, "r:"):
            return
    except OSError as error:
        raise UsageError(f"--input-tar cannot be read: {error.strerror}", where=path, hint="leave it out") from error
    except tarfile.TarError as error:
        raise UsageError("--input-tar is no tar archive", where=path, hint="name an output of --format tar") from error
