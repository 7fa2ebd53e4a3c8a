"""What is plugged in: sysfs, the mount tables and udev's database become `BlockDevice` values."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import TYPE_CHECKING

from lkboard.devices.machine import HOST, read_int, read_text, udev_properties
from lkboard.devices.nodes import partitions, read_nodes, stacked_on
from lkboard.devices.probe import probe
from lkboard.devices.usage import read_usage
from lkboard.model.device import BlockDevice, MountPoint, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.devices.machine import Machine
    from lkboard.devices.nodes import Node, Nodes
    from lkboard.devices.usage import Usage

_SECTOR = 512
"""What ``size`` in sysfs counts in, whatever the device's own sectors are."""
_TRANSPORTS = (
    ("usb", re.compile(r"/usb\d+/")),
    ("mmc", re.compile(r"/mmc_host/")),
    ("nvme", re.compile(r"/nvme")),
    ("sata", re.compile(r"/ata\d+/")),
    ("virtio", re.compile(r"/virtio\d+/")),
)
_ZFS = "a ZFS pool"


def snapshot(machine: Machine = HOST) -> tuple[BlockDevice, ...]:
    """Return all block devices, partitions and virtual ones too, in the order of their names."""
    nodes = read_nodes(machine)
    usage = read_usage(machine, nodes)
    return tuple(_device(machine, nodes, usage, node) for node in nodes.values())


def find(path: str, machine: Machine = HOST) -> BlockDevice | None:
    """Return the block device that a path (or a symlink in ``/dev/disk``) leads to, None if it is none.

    Raises FileNotFoundError when there is nothing at the path.
    """
    status = os.stat(path)  # noqa: PTH116 - Path.stat has no other meaning, and the argument is a text
    if not stat.S_ISBLK(status.st_mode):
        return None
    number = (os.major(status.st_rdev), os.minor(status.st_rdev))
    nodes = read_nodes(machine)
    node = next((node for node in nodes.values() if node.number == number), None)
    return _device(machine, nodes, read_usage(machine, nodes), node) if node else None


def _device(machine: Machine, nodes: Nodes, usage: Usage, node: Node) -> BlockDevice:
    udev = udev_properties(machine, node.number) or {}
    disk = nodes.get(node.parent, node)
    above = stacked_on(nodes, node)
    location = str(node.folder).removeprefix(str(machine.sys.resolve()))
    is_loop = (node.folder / "loop").is_dir() or node.name.startswith("loop")
    contents = _contents(machine, nodes, node)
    return BlockDevice(
        path=node.path,
        number=node.number,
        size_bytes=read_int(node.folder / "size") * _SECTOR,
        id=node.path if is_loop else _printable(_serial(disk.folder, udev)),
        vendor="" if is_loop else _printable(_vendor(disk.folder)),
        model="" if is_loop else _printable(_model(disk.folder)),
        transport=next((name for name, pattern in _TRANSPORTS if pattern.search(location)), ""),
        is_removable=read_int(disk.folder / "removable") == 1,
        is_read_only=read_int(node.folder / "ro") == 1,
        is_partition=bool(node.parent),
        is_loop=is_loop,
        is_virtual="/devices/virtual/block/" in location,
        diskseq=read_int(disk.folder / "diskseq"),
        sector_size=read_int(disk.folder / "queue" / "logical_block_size") or _SECTOR,
        location=location,
        mounts=tuple(
            MountPoint(_printable(place), member.path) for member in above for place in usage.get(member.name, ())
        ),
        holders=_holders(machine, nodes, node, contents),
        contents=contents,
    )


def _holders(machine: Machine, nodes: Nodes, node: Node, contents: tuple[Volume, ...]) -> tuple[str, ...]:
    below = {node.name, *(part.name for part in partitions(nodes, node))}
    others = (above for above in stacked_on(nodes, node) if above.name not in below and above.parent not in below)
    found = [_printable(above.title) for above in others]
    # ZFS opens its members without a trace in sysfs; only its imported pools show
    if any(volume.filesystem == "zfs_member" for volume in contents) and any(
        machine.proc.glob("spl/kstat/zfs/*/state")
    ):
        found.append(_ZFS)
    return tuple(found)


def _contents(machine: Machine, nodes: Nodes, node: Node) -> tuple[Volume, ...]:
    parts = partitions(nodes, node)
    volumes = [_volume(machine, part) for part in parts] or [_volume(machine, node)]
    return tuple(volume for volume in volumes if parts or volume.filesystem)


def _volume(machine: Machine, node: Node) -> Volume:
    size = read_int(node.folder / "size") * _SECTOR
    udev = udev_properties(machine, node.number)
    if udev is not None:
        filesystem, label = udev.get("ID_FS_TYPE", ""), udev.get("ID_FS_LABEL", "")
    else:
        filesystem, label = probe(machine.dev / node.path.removeprefix("/dev/")) if size else ("", "")
    return Volume(node.path, size, _printable(filesystem), _printable(label))


def _printable(text: str) -> str:
    """Replace what a device could use to forge what is shown of it: control, bidirectional and invisible characters.

    Whoever made a stick or card chose these texts, and they reach the terminal on which its erasure is confirmed.
    """
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _serial(disk: Path, udev: dict[str, str]) -> str:
    """Return the serial number or, for want of one, the world-wide name."""
    serials = (
        udev.get("ID_SERIAL_SHORT", ""),
        read_text(disk / "serial"),
        read_text(disk / "device" / "serial"),
        read_text(_usb_folder(disk) / "serial"),
        _unit_serial(disk / "device" / "vpd_pg80"),
        udev.get("ID_WWN", ""),
        read_text(disk / "wwid"),
        read_text(disk / "device" / "wwid"),
    )
    return next((serial for serial in serials if serial), "")


def _unit_serial(page: Path) -> str:
    """Return the serial number of a SCSI unit (SPC-4, vital product data page 80h: four bytes of header)."""
    with contextlib.suppress(OSError):
        return page.read_bytes()[4:].decode("ascii", "replace").strip("\0 \n")
    return ""


def _usb_folder(disk: Path) -> Path:
    """Return the folder of the USB device above a disk, or the disk's own."""
    above = (folder for folder in disk.parents if (folder / "idVendor").is_file())
    return next(above, disk)


def _vendor(disk: Path) -> str:
    vendor = read_text(disk / "device" / "vendor")
    return "" if vendor.startswith("0x") or vendor == "ATA" else vendor


def _model(disk: Path) -> str:
    return read_text(disk / "device" / "model") or read_text(disk / "device" / "name")
