"""What the user wants to boot: a disk image, or the files of the ``kernel+initrd`` format."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.disk.kinds import other_kind
from lkboard.errors import EmulationError

if TYPE_CHECKING:
    from lkboard.events import Job

_SIGNATURE_OFFSET = 510
_SIGNATURE = b"\x55\xaa"


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A raw image of a whole disk. ``path`` is absolute."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KernelFiles:
    """The outputs ``NAME-kernel``, ``NAME-initrd.img`` and ``NAME-cmdline`` (empty text where there is no file)."""

    kernel: str
    initrd: str
    cmdline: str


def find_medium(name: str) -> DiskImage | KernelFiles:
    """Return what a path or base name stands for. Raises `EmulationError`."""
    path = Path(name)
    if path.is_file():
        return _disk_image(path)
    kernel = Path(f"{name}-kernel")
    if kernel.is_file():
        return _kernel_files(name, kernel)
    hint = "give a disk image, or the base name of the outputs of 'lkboard build --format kernel+initrd'"
    raise EmulationError("there is no such image" if not path.exists() else "not a file", where=name, hint=hint)


def sha256_of(medium: DiskImage | KernelFiles, job: Job) -> str:
    """Return the hexadecimal digest of an image, or of kernel, initrd and command line together. Raises `Cancelled`."""
    if isinstance(medium, DiskImage):
        paths, rest = [medium.path], ""
    else:
        paths, rest = [medium.kernel, medium.initrd], medium.cmdline
    digest = hashlib.sha256()
    with job.step("Hash image"):
        for path in filter(None, paths):
            _update(digest, Path(path), job)
    digest.update(rest.encode())
    return digest.hexdigest()


def _update(digest: hashlib._Hash, path: Path, job: Job) -> None:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            job.check()


def _kernel_files(name: str, kernel: Path) -> KernelFiles:
    initrd, cmdline = Path(f"{name}-initrd.img"), Path(f"{name}-cmdline")
    return KernelFiles(
        kernel=str(kernel.absolute()),
        initrd=str(initrd.absolute()) if initrd.is_file() else "",
        cmdline=_read_cmdline(cmdline) if cmdline.is_file() else "",
    )


def _read_cmdline(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise EmulationError("the command line is no UTF-8 text", where=path, hint="build the files anew") from error


def _disk_image(path: Path) -> DiskImage:
    with path.open("rb") as file:
        head = file.read(512)
    if kind := other_kind(head, str(path)):
        raise EmulationError(f"this is {kind.name}, not a raw disk image", where=path, hint=kind.hint)
    if head[_SIGNATURE_OFFSET:] != _SIGNATURE:
        raise EmulationError("this is not a disk image: it has no partition table", where=path)
    return DiskImage(str(path.absolute()), path.stat().st_size)
