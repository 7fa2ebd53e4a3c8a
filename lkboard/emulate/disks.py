"""Additional disks: ``--disk`` as LinuxKit has it (cli.md section 1.5)."""

from __future__ import annotations

import shlex
import struct
from dataclasses import dataclass
from pathlib import Path

from lkboard.emulate.machine import Drive
from lkboard.emulate.overlay import create_disk
from lkboard.errors import UsageError
from lkboard.model.units import is_size, parse_size

_FORMATS = ("raw", "qcow2")
_QCOW2_MAGIC = b"QFI\xfb"
# QEMU's docs/interop/qcow2.rst: magic, version, offset of the backing file's name; at 72 the incompatible features
_QCOW2_HEADER = struct.Struct(">4sIQ56xQ")
_EXTERNAL_DATA = 1 << 2


@dataclass(frozen=True, slots=True)
class DiskWish:
    """A disk to add. Without a path it is thrown away afterwards; ``size_bytes`` 0 means an existing file.

    Without a ``format`` a new disk is qcow2, and an existing one what its content says.
    """

    path: str = ""
    size_bytes: int = 0
    format: str = ""


def parse_disk(text: str) -> DiskWish:
    """Read ``SIZE``, ``FILE`` or ``[file=]FILE[,size=SIZE][,format=raw|qcow2]``. Raises `UsageError`.

    A size is a number of GiB, or ends in ``M`` or ``G``.
    """
    fields: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = ("size" if is_size(part) else "file"), part
        if name not in {"file", "size", "format"}:
            raise UsageError(f"--disk: '{name}' is not known", hint="known: file, size, format")
        fields[name] = value
    if fields.get("format", "raw") not in _FORMATS:
        raise UsageError(f"--disk: the format '{fields['format']}' is not known", hint=f"known: {', '.join(_FORMATS)}")
    if not fields.get("file") and not fields.get("size"):
        raise UsageError("--disk needs a size or a file", hint="write --disk 1G or --disk FILE")
    size = parse_size(fields["size"], "--disk") if fields.get("size") else 0
    return DiskWish(fields.get("file", ""), size, fields.get("format", ""))


def make_disks(wishes: tuple[DiskWish, ...], folder: Path) -> tuple[Drive, ...]:
    """Return the disks, making those that do not exist; nameless ones in ``folder``. Raises `LkboardError`."""
    return tuple(_make(wish, folder / f"disk{number}.img") for number, wish in enumerate(wishes))


def _make(wish: DiskWish, default: Path) -> Drive:
    path = Path(wish.path).absolute() if wish.path else default
    if path.exists():
        if not path.is_file():
            raise UsageError("--disk takes files, no devices", where=path, hint="a guest could destroy a device")
        return Drive(str(path), wish.format or _probe(path))
    if not wish.size_bytes:
        raise UsageError(
            f"the disk '{wish.path}' does not exist",
            hint=f"give its size: --disk {shlex.quote(str(wish.path))},size=1G",
        )
    disk_format = wish.format or "qcow2"
    create_disk(path, disk_format, wish.size_bytes)
    return Drive(str(path), disk_format)


def _probe(path: Path) -> str:
    """Return the format that the content of a file shows.

    What is raw to its owner may have been made a qcow2 by the guest that wrote it, with any file of the host behind
    it. Such a one is refused unless the user names the format.
    """
    with path.open("rb") as file:
        header = file.read(_QCOW2_HEADER.size)
    if not header.startswith(_QCOW2_MAGIC):
        return "raw"
    _magic, version, backing, features = _QCOW2_HEADER.unpack(header.ljust(_QCOW2_HEADER.size, b"\0"))
    if backing or (version >= 3 and features & _EXTERNAL_DATA):
        raise UsageError(
            "this qcow2 image uses another file, which a guest may have chosen",
            where=path,
            hint=f"if you made it so: --disk {shlex.quote(str(path))},format=qcow2; if it is a raw disk: format=raw",
        )
    return "qcow2"
