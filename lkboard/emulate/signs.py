"""What a console says about a boot, as data (boot.md section 3).

Kernel log and program output interleave on one line sometimes, so every text is looked for anywhere in a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkboard.model.verdict import StageName


@dataclass(frozen=True, slots=True)
class Sign:
    """Texts that prove a stage."""

    stage: StageName
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Texts that point at a mistake, and what to do about it.

    ``ends`` is True when nothing good can follow.
    """

    texts: tuple[str, ...]
    hint: str
    ends: bool = False


LINUXKIT_BANNER = "Welcome to LinuxKit"
"""Printed by LinuxKit's own init (build.md section 8), which says nothing when it is ready."""

SIGNS = (
    Sign("firmware", ("BdsDxe: starting", "BdsDxe: loading", "U-Boot 20", "SeaBIOS")),
    Sign("kernel", ("Booting Linux on physical CPU", "Linux version ")),
    Sign("user space", ("lkb: userspace up", LINUXKIT_BANNER)),
    Sign("ready", ("lkb: ready",)),
)

_NOTHING_TO_BOOT = (
    "the firmware found nothing to boot: check the partition table, the type of the EFI system partition and "
    "EFI/BOOT/BOOT*.EFI"
)

PANIC = "Kernel panic - not syncing"

# the first that matches is the one that is told: causes come before their effects
TROUBLES = (
    Trouble(
        ("Initramfs unpacking failed", "junk at the end of compressed archive", "invalid magic at start of compressed"),
        "the initrd is damaged, or its parts are joined wrongly: build the image again",
    ),
    Trouble(
        ("VFS: Unable to mount root fs",),
        "no initrd reached the kernel, or the kernel cannot read its compression: look at the loader's configuration",
    ),
    Trouble(
        ("xec format error",),
        "a program is of another architecture: check the platform of the images",
    ),
    Trouble(
        ("Attempted to kill init", "No working init found", "Failed to execute /init"),
        "the init program crashed or is missing: check its architecture, its C library and its interpreter",
    ),
    Trouble(
        ("UEFI Interactive Shell", "No bootable device", "No bootable option or device was found"),
        _NOTHING_TO_BOOT,
        ends=True,
    ),
    Trouble(("No valid offer received", "BdsDxe: failed to load"), _NOTHING_TO_BOOT),
    Trouble(
        ("Invalid SD card size",),
        "the emulator wants a card whose size is a power of two",
    ),
    Trouble(
        ("Bad Linux ARM64 Image magic", "Wrong Image Format for"),
        "the kernel has a form that this loader does not take: set 'form: image' under 'kernel' in board.yml",
        ends=True,
    ),
    Trouble(
        ("no lease: no network interface", "no lease, failing"),
        "the network card has no driver: check that the kernel image has the module of this board's card",
    ),
    Trouble(
        ("failed (status ", "failed: cannot prepare it"),
        "a container or a start-up script of the image failed: the console names it",
    ),
    Trouble(
        (PANIC,),
        "the kernel stopped by itself: the lines above say why",
        ends=True,
    ),
)

SILENT_KERNEL_HINT = (
    "nothing came after the loader: console= may not name this board's serial port, the kernel may be of another "
    "architecture, or the device tree is missing"
)
SILENT_HINT = (
    "nothing was printed at all: check that the image is for this board, and that console= names its serial port"
)
