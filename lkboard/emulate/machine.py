"""A board's emulation and some files become the command line of QEMU (boot.md section 2). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.emulate.programs import Firmware
    from lkboard.model.board import Emulation

Accelerator = Literal["kvm", "tcg"]
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Drive:
    """A disk of the machine: an image file and its format (``raw``, ``qcow2``)."""

    path: str
    format: str


@dataclass(frozen=True, slots=True)
class KernelBoot:
    """A kernel for QEMU to load itself. Empty paths are parts that there are not; so is an empty command line."""

    kernel: str
    initrd: str = ""
    device_tree: str = ""
    cmdline: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """A port of the host's loopback interface that leads to a port of the guest."""

    host: int
    guest: int
    protocol: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything that decides how QEMU is started.

    ``boot_disk`` comes first on the machine's own kind of disk, ``drives`` follow. ``is_interactive`` connects the
    console to the terminal with QEMU's escape key (Ctrl-A), otherwise the console is standard output.
    """

    program: str
    emulation: Emulation
    architecture: str
    accelerator: Accelerator = "tcg"
    firmware: Firmware | None = None
    kernel: KernelBoot | None = None
    boot_disk: Drive | None = None
    drives: tuple[Drive, ...] = ()
    metadata_iso: str = ""
    forwards: tuple[Forward, ...] = ()
    has_network: bool = True
    is_interactive: bool = False


def command(machine: Machine) -> tuple[str, ...]:
    """Return the program and its arguments."""
    return tuple(_arguments(machine))


def _arguments(machine: Machine) -> Iterator[str]:
    emulation = machine.emulation
    yield machine.program
    yield from ("-machine", f"{emulation.machine},accel={machine.accelerator}")
    yield from _processor(machine)
    # an image that cannot boot must not end in the firmware's network boot, which says nothing for minutes
    yield from ("-nodefaults", "-display", "none", "-no-reboot", "-boot", "strict=on")
    yield from _console(machine)
    if machine.firmware is not None:
        yield from ("-drive", f"if=pflash,format=raw,readonly=on,file={_escaped(machine.firmware.code)}")
        yield from ("-drive", f"if=pflash,format=raw,file={_escaped(machine.firmware.variables)}")
    if machine.kernel is not None:
        yield from _kernel(machine.kernel)
    yield from _disks(machine)
    if machine.has_network:
        yield from _network(machine)


def _processor(machine: Machine) -> Iterator[str]:
    emulation = machine.emulation
    cpu = "host" if machine.accelerator == "kvm" else emulation.cpu
    if cpu:
        yield from ("-cpu", cpu)
    yield from ("-smp", str(emulation.cpus), "-m", f"{emulation.memory_mib}M")


def _console(machine: Machine) -> Iterator[str]:
    """Connect the serial port that is the board's console; those before it go nowhere."""
    for _ in range(machine.emulation.serial):
        yield from ("-serial", "null")
    yield from ("-serial", "mon:stdio" if machine.is_interactive else "stdio")


def _kernel(boot: KernelBoot) -> Iterator[str]:
    yield from ("-kernel", boot.kernel)
    options = (("-initrd", boot.initrd), ("-dtb", boot.device_tree), ("-append", boot.cmdline))
    for option, value in options:
        if value:
            yield from (option, value)


def _disks(machine: Machine) -> Iterator[str]:
    is_sd = machine.emulation.disk == "sd"
    if machine.boot_disk is not None:
        drive = f"format={machine.boot_disk.format},file={_escaped(machine.boot_disk.path)}"
        if is_sd:
            yield from ("-drive", f"if=sd,{drive}")
        elif machine.emulation.disk == "cd":
            yield from ("-drive", f"if=none,id=boot,media=cdrom,{drive}", *_cd_reader(machine, "boot,bootindex=0"))
        else:
            yield from ("-drive", f"if=none,id=boot,{drive}", "-device", "virtio-blk-pci,drive=boot,bootindex=0")
    device = "usb-storage" if is_sd else "virtio-blk-pci"
    for number, extra in enumerate(machine.drives):
        drive = f"if=none,id=disk{number},format={extra.format},file={_escaped(extra.path)}"
        yield from ("-drive", drive, "-device", f"{device},drive=disk{number}")
    if machine.metadata_iso:
        yield from (
            "-drive",
            f"if=none,id=data,format=raw,media=cdrom,readonly=on,file={_escaped(machine.metadata_iso)}",
        )
        # the metadata has to appear as /dev/sr0, where LinuxKit's agent looks (cli.md 1.6)
        yield from _cd_reader(machine, "data")


def _cd_reader(machine: Machine, drive: str) -> Iterator[str]:
    if machine.emulation.disk == "sd":
        yield from ("-device", f"usb-storage,drive={drive}")
    elif machine.architecture == "amd64":
        yield from ("-device", f"ide-cd,drive={drive}")
    else:
        yield from ("-device", "virtio-scsi-pci", "-device", f"scsi-cd,drive={drive}")


def _network(machine: Machine) -> Iterator[str]:
    rules = "".join(
        f",hostfwd={forward.protocol}:{LOOPBACK}:{forward.host}-:{forward.guest}" for forward in machine.forwards
    )
    yield from ("-netdev", f"user,id=net{rules}")
    # an empty romfile keeps the firmware from offering network boot
    device = "usb-net" if machine.emulation.network == "usb-net" else "virtio-net-pci,romfile="
    yield from ("-device", f"{device},netdev=net")


def _escaped(path: str) -> str:
    """Return a path for a QEMU option list, where a comma is written twice."""
    return path.replace(",", ",,")
