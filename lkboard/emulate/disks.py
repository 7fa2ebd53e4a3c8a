"""Additional disks: ``--disk`` as LinuxKit has it (cli.md section 1.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lkboard.emulate.machine import Drive
from lkboard.emulate.overlay import create_disk
from lkboard.errors import UsageError

_SIZE = re.compile(r"(\d+)([MG]?)")
_FORMATS = ("raw", "qcow2")
_QCOW2_MAGIC = b"QFI\xfb"


@dataclass(frozen=True, slots=True)
class DiskWish:
    """A disk to add. Without a path it is thrown away afterwards; ``size_bytes`` 0 means an existing file."""

    path: str = ""
    size_bytes: int = 0
    format: str = "qcow2"


def parse_disk(text: str) -> DiskWish:
    """Read ``SIZE``, ``FILE`` or ``[file=]FILE[,size=SIZE][,format=raw|qcow2]``. Raises `UsageError`.

    A size is a number of GiB, or ends in ``M`` or ``G``.
    """
    fields: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = ("size" if _SIZE.fullmatch(part) else "file"), part
        if name not in {"file", "size", "format"}:
            raise UsageError(f"--disk: '{name}' is not known", hint="known: file, size, format")
        fields[name] = value
    if fields.get("format", "raw") not in _FORMATS:
        raise UsageError(f"--disk: the format '{fields['format']}' is not known", hint=f"known: {', '.join(_FORMATS)}")
    if not fields.get("file") and not fields.get("size"):
        raise UsageError("--disk needs a size or a file", hint="write --disk 1G or --disk FILE")
    return DiskWish(fields.get("file", ""), _size(fields.get("size", "")), fields.get("format", "qcow2"))


def make_disks(wishes: tuple[DiskWish, ...], folder: Path) -> tuple[Drive, ...]:
    """Return the disks, making those that do not exist; nameless ones in ``folder``. Raises `LkboardError`."""
    return tuple(_make(wish, folder / f"disk{number}.img") for number, wish in enumerate(wishes))


def _make(wish: DiskWish, default: Path) -> Drive:
    path = Path(wish.path).absolute() if wish.path else default
    if path.exists():
        with path.open("rb") as file:
            return Drive(str(path), "qcow2" if file.read(4) == _QCOW2_MAGIC else "raw")
    if not wish.size_bytes:
        raise UsageError(f"the disk '{wish.path}' does not exist", hint=f"give its size: --disk {wish.path},size=1G")
    create_disk(path, wish.format, wish.size_bytes)
    return Drive(str(path), wish.format)


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if text and match is None:
        raise UsageError(f"--disk: '{text}' is not a size", hint="write 512M or 2G")
    return int(match[1]) << (20 if match[2] == "M" else 30) if match else 0
