"""Folders for the time of a run, as `lkboard.oci.store.files` has files."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import StoreUnusable
from lkboard.oci.store.files import TEMPORARY, store_errors
from lkboard.oci.store.locks import exclusive, unless_held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.events import Job


@contextmanager
def scratch_folder(parent: Path, job: Job) -> Iterator[Path]:
    """Make a folder in ``parent`` for the time of the block; those that killed runs left are removed.

    It is locked, as long as somebody uses it. Raises `StoreUnusable`, and `Cancelled` while waiting.
    """
    with ExitStack() as held:
        with exclusive(parent, job):  # nobody may take our folder for a left one before we hold its lock
            for left in parent.iterdir():
                _remove_unless_held(left)
            with store_errors(parent):
                folder = Path(tempfile.mkdtemp(dir=parent, prefix=TEMPORARY))
            held.enter_context(exclusive(folder, job))
            held.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def _remove_unless_held(left: Path) -> None:
    with suppress(StoreUnusable), unless_held(left) as is_free:
        if is_free:
            shutil.rmtree(left)
