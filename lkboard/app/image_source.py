"""The image that is to be written: what a path holds, and how it becomes a raw file."""

from __future__ import annotations

import codecs
import shlex
import stat
from typing import TYPE_CHECKING

from lkboard.errors import BuildError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.events import Job

_CONFIG_SUFFIXES = (".yml", ".yaml")
_HEAD_SIZE = 0x11000
"""All magic numbers of file systems that need no partition table end below this."""
_BOOT_SIGNATURE = b"\x55\xaa"


def is_config(source: str) -> bool:
    """Return whether a source is a config by its name: a ``.yml`` or ``.yaml`` file, ``-``, or any URL."""
    return source == "-" or "://" in source or source.endswith(_CONFIG_SUFFIXES)


def is_text(path: Path) -> bool:
    """Return whether a file begins as a config of any name may, and no archive. Raises as `compression_of` does."""
    head = _head(path)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(head) and b"\0" not in head


def compression_of(path: Path, offset: int = 0) -> str:
    """Return the name of the compression of what is at an offset in an image, empty when it has none.

    Raises `BuildError` when the file cannot be read, `UsageError` when it is missing or no regular file.
    """
    from lkboard.disk.decompress import compression

    return compression(_head(path, offset))


def size_of(path: Path) -> int:
    """Return the bytes of an image. Raises as `compression_of` does."""
    _head(path)
    return path.stat().st_size


def check_image(path: Path, *, shown_as: str, any_kind: bool = False) -> None:
    """Raise `UsageError` when a raw file is empty, or has neither a partition table nor a file system that is known.

    With ``any_kind`` nothing needs to be known of what it holds.
    """
    from lkboard.devices.probe import identify
    from lkboard.disk.kinds import other_kind

    head = _head(path)
    if not head:
        raise UsageError("the image is empty", where=shown_as, hint="build or download it again")
    if any_kind:
        return
    if kind := other_kind(head, shown_as):
        raise UsageError(f"this is {kind.name}, not a raw disk image", where=shown_as, hint=kind.hint)
    if head[510:512] != _BOOT_SIGNATURE and not identify(head)[0]:
        raise UsageError(
            "this is not a disk image: it has no partition table and no file system",
            where=shown_as,
            hint="give an image, or a config that ends in .yml; --force writes it as it is",
        )


def unpack(path: Path, scratch: Path, job: Job, *, offset: int = 0, limit: int | None = None) -> Path:
    """Return the raw image: the file itself, or what a compressed one holds from ``offset`` on, in ``scratch``.

    ``limit`` is how many bytes it may hold. Raises `BuildError`, `OutputError`, `Cancelled`.
    """
    from lkboard.disk.decompress import decompress

    if not compression_of(path, offset):
        return path
    destination = scratch / "image"
    with job.step("Unpack"):
        total = path.stat().st_size
        decompress(path, destination, lambda done: job.progress("Unpack", done, total), offset=offset, limit=limit)
    return destination


def _head(path: Path, offset: int = 0) -> bytes:
    try:
        _check_regular(path)
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(_HEAD_SIZE)
    except FileNotFoundError as error:
        raise UsageError("there is no such image", where=path, hint="check the path") from error
    except OSError as error:
        raise BuildError(f"the image cannot be read: {error.strerror}", where=path) from error


def _check_regular(path: Path) -> None:
    """Raise `UsageError` for what has no size to go by (a device, a pipe), before it is opened: a pipe would wait."""
    mode = path.stat().st_mode
    if stat.S_ISBLK(mode):
        hint = f"copy it into a file first: dd if={shlex.quote(str(path))} of=card.img bs=1M"
        raise UsageError("this is a device, not an image file", where=path, hint=hint)
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "neither a file nor a folder"
        raise UsageError(f"this is {kind}, not an image file", where=path, hint="give an image file")
