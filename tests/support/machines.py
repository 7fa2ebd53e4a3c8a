"""Machines as sysfs, procfs and udev's database show them, laid out in a temporary folder.

The shapes of the paths and files are those of real machines (Linux 6.1 to 6.18).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lkboard.devices.assess import Policy, assess
from lkboard.devices.machine import Machine
from lkboard.devices.snapshot import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.model.device import Assessment, BlockDevice

GB = 10**9
_BUSES = {
    "usb": "pci0000:00/0000:00:14.0/usb1/1-{index}/1-{index}:1.0/host{index}/target{index}:0:0/{index}:0:0:0/block",
    "sata": "pci0000:00/0000:00:17.0/ata{index}/host{index}/target{index}:0:0/{index}:0:0:0/block",
    "mmc": "platform/soc/fe340000.mmc/mmc_host/mmc{index}/mmc{index}:aaaa/block",
    "nvme": "pci0000:00/0000:02:00.0/nvme/nvme{index}",
    "virtio": "pci0000:00/0000:00:02.0/virtio{index}/block",
    "virtual": "virtual/block",
}


class FakeMachine:
    """A machine to which devices are added one by one; names are sysfs names (``sda``, ``sda1``)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.machine = Machine(root / "sys", root / "proc", root / "run/udev/data", root / "dev")
        self.folders: dict[str, Path] = {}
        self._numbers = itertools.count(1)
        for folder in ("sys/class/block", "sys/devices", "proc/self", "run/udev/data", "dev"):
            (root / folder).mkdir(parents=True)
        self._append("proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
        self._append("proc/self/mountinfo", "21 27 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n")

    def disk(
        self,
        name: str,
        bus: str,
        size: int = 32 * GB,
        *,
        removable: bool = False,
        read_only: bool = False,
        vendor: str = "",
        model: str = "",
        serial: str = "",
        diskseq: int = 7,
        sector_size: int = 512,
        **udev: str,
    ) -> None:
        """Plug in a disk."""
        index = len(self.folders)
        folder = self._add(name, f"devices/{_BUSES[bus].format(index=index)}/{name}", size, udev)
        self._write(folder / "removable", int(removable))
        self._write(folder / "ro", int(read_only))
        self._write(folder / "diskseq", diskseq)
        self._write(folder / "queue/logical_block_size", sector_size)
        if bus == "virtual":
            return
        device = folder.parent if bus == "nvme" else folder.parent.parent
        (folder / "device").symlink_to(device)
        for attribute, value in (("vendor", vendor), ("model", model)):
            if value:
                self._write(device / attribute, f"{value:<16}")
        self._write_serial(bus, folder, device, serial)

    def partition(self, name: str, size: int = GB, *, start: int = 2048, **udev: str) -> None:
        """Add a partition to the disk whose name ``name`` begins with."""
        disk = max((known for known in self.folders if name.startswith(known)), key=len)
        folder = self._add(name, str(self.folders[disk].relative_to(self.root / "sys") / name), size, udev)
        self._write(folder / "partition", 1)
        self._write(folder / "start", start)
        self._write(folder / "ro", 0)

    def stack(self, name: str, *below: str, mapper_name: str = "", size: int = GB, **udev: str) -> None:
        """Build a virtual device (device mapper, RAID, bcache) on others."""
        self.disk(name, "virtual", size, **udev)
        if mapper_name:
            self._write(self.folders[name] / "dm/name", mapper_name)
        for other in below:
            (self.folders[other] / "holders").mkdir(exist_ok=True)
            (self.folders[other] / "holders" / name).symlink_to(self.folders[name])

    def loop(self, name: str, size: int = GB, backing: str = "/tmp/x.img", **facts: bool) -> None:
        """Attach a loop device."""
        self.disk(name, "virtual", size, **facts)
        self._write(self.folders[name] / "loop/backing_file", backing)

    def mount(self, name: str, place: str, filesystem: str = "ext4", *, pid: str = "self") -> None:
        """Mount a device at a place."""
        number = (self.folders[name] / "dev").read_text().strip()
        self.mount_line(f"30 1 {number} / {place} rw,relatime shared:1 - {filesystem} /dev/{name} rw", pid=pid)

    def mount_anonymous(self, source: str, place: str, filesystem: str) -> None:
        """Mount a file system whose device number says nothing (btrfs, bcachefs, ZFS)."""
        self.mount_line(f"31 1 0:45 /@ {place} rw,relatime shared:1 - {filesystem} {source} rw,subvol=/@")

    def mount_line(self, line: str, *, pid: str = "self") -> None:
        """Add a raw line of mountinfo."""
        self._append(f"proc/{pid}/mountinfo", line + "\n")

    def swap(self, source: str) -> None:
        """Switch swap on."""
        self._append("proc/swaps", f"{source}                              partition\t1000\t\t0\t\t-2\n")

    def kernel_arguments(self, text: str) -> None:
        """Set the command line of the running kernel."""
        self._append("proc/cmdline", text + "\n")

    def btrfs(self, uuid: str, *members: str) -> None:
        """Register a mounted btrfs with its members."""
        devices = self.root / "sys/fs/btrfs" / uuid / "devices"
        devices.mkdir(parents=True)
        for member in members:
            (devices / member).symlink_to(self.folders[member])

    def zfs_pool(self, name: str) -> None:
        """Import a pool."""
        self._write(self.root / "proc/spl/kstat/zfs" / name / "state", "ONLINE")

    def device(self, name: str) -> BlockDevice:
        """Return the snapshot of one device."""
        return next(device for device in snapshot(self.machine) if device.path == f"/dev/{name}")

    def verdict(self, name: str, *, image_size: int = 0, policy: Policy | None = None) -> Assessment:
        """Judge one device."""
        return assess(self.device(name), image_size, policy or Policy())

    def _add(self, name: str, path: str, size: int, udev: dict[str, str]) -> Path:
        folder = self.root / "sys" / path
        folder.mkdir(parents=True)
        self.folders[name] = folder
        (self.root / "sys/class/block" / name).symlink_to(folder)
        minor = next(self._numbers)
        self._write(folder / "dev", f"8:{minor}")
        self._write(folder / "size", size // 512)
        lines = "".join(f"E:{key}={value}\n" for key, value in udev.items())
        self._append(f"run/udev/data/b8:{minor}", f"S:disk/by-diskseq/7\nI:123\n{lines}G:systemd\n")
        return folder

    def _write_serial(self, bus: str, folder: Path, device: Path, serial: str) -> None:
        if bus == "usb":
            usb = next(above for above in folder.parents if above.name.startswith("1-") and ":" not in above.name)
            self._write(usb / "idVendor", "0781")
            if serial:
                self._write(usb / "serial", serial)
        elif serial and bus == "sata":
            (device / "vpd_pg80").write_bytes(bytes((0, 0x80, 0, len(serial))) + serial.encode())
        elif serial:
            self._write((folder if bus == "virtio" else device) / "serial", serial)

    def _append(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a") as file:
            file.write(text)

    @staticmethod
    def _write(path: Path, value: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
