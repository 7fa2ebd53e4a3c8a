"""Files that appear whole or not at all, and clear errors when the file system refuses them."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn failures of the file system around ``path`` into `StoreUnusable`."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in _FULL
        raise StoreUnusable(
            "the disk is full" if is_full else f"the store cannot be used: {error.strerror or error}",
            where=error.filename or path,
            hint="free some space, or choose another folder with --cache DIR"
            if is_full
            else "choose a folder with --cache DIR",
        ) from error


@contextmanager
def new_file(target: Path, temporary_folder: Path, mode: int) -> Iterator[BinaryIO]:
    """Write ``target`` through a temporary file of the same file system, which takes its place only when it is whole."""
    with tempfile.NamedTemporaryFile(dir=temporary_folder, prefix="new-", delete=False) as file:
        temporary = Path(file.name)
        try:
            yield file
            os.fchmod(file.fileno(), mode)
            publish(file, temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def publish(file: BinaryIO, temporary: Path, target: Path) -> None:
    """Bring the open file ``temporary`` to the medium and give it its final name, for good."""
    file.flush()
    os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
