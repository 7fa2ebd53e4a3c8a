"""Does what a Raspberry Pi's boot ROM and GPU firmware do: finds on a card what to start (boot.md section 2.1).

QEMU has no GPU. The files still come out of the written card, through a reader that is independent of our writer; what
would keep a real board from starting fails here too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.emulate.machine import KernelBoot
from lkboard.emulate.pi_config import NAME, PiConfig, parse_pi_config
from lkboard.errors import BootFailed, EmulationError

if TYPE_CHECKING:
    from lkboard.disk.fat_reader import FatReader
    from lkboard.model.board import Board

_FIRMWARE_FILES = ("bootcode.bin", "start.elf", "fixup.dat")
_ARM64_MAGIC = b"ARM\x64"  # Documentation/arch/arm64/booting.rst, at 0x38
_GZIP_MAGIC = b"\x1f\x8b"


def load_card(card: FatReader, board: Board, folder: Path) -> KernelBoot:
    """Copy what the firmware would load into ``folder`` and return it.

    Raises `BootFailed` for a card that the board would not boot, `EmulationError` for one that is not understood.
    """
    names = {path.lower() for path in card.files()}

    def find(name: str, what: str) -> str:
        if name.lower() not in names:
            raise BootFailed(f"{what} is missing on the card: {name}")
        return name

    def read(name: str, what: str) -> str:
        return card.read(find(name, what)).decode("utf-8", "replace")

    def extract(name: str, what: str) -> str:
        target = folder / name.replace("/", "_")
        card.copy(find(name, what), target)
        return str(target)

    for name in _FIRMWARE_FILES:
        find(name, "firmware")
    config = parse_pi_config(read(NAME, "the firmware's configuration"))
    _refuse_upstream_folder(config, names)
    kernel = extract(config.get("kernel", "kernel8.img"), "the kernel")
    _check_kernel(config, kernel)
    cmdline = read(config.get("cmdline", "cmdline.txt"), "the command line")
    return KernelBoot(
        kernel=kernel,
        initrd=extract(config.initramfs, "the initrd") if config.initramfs else "",
        device_tree=extract(_device_tree(config, board), "the device tree"),
        cmdline=(cmdline.splitlines() or [""])[0].strip(),
    )


def _refuse_upstream_folder(config: PiConfig, names: set[str]) -> None:
    """``upstream_kernel`` makes the firmware prefer what lies in a folder of that name: not played here."""
    if config.get("upstream_kernel") == "1" and any(path.startswith("upstream/") for path in names):
        raise EmulationError("the test does not understand a folder 'upstream' on the card", where=NAME)


def _check_kernel(config: PiConfig, kernel: str) -> None:
    if config.get("arm_64bit") != "1":
        where = config.place("arm_64bit")
        raise BootFailed(f"{where}: the firmware starts this kernel in 32-bit mode", hint="write arm_64bit=1")
    with Path(kernel).open("rb") as file:
        head = file.read(0x40)
    if head[0x38:0x3C] != _ARM64_MAGIC and not head.startswith(_GZIP_MAGIC):
        hint = "set 'form: image' under 'kernel' in board.yml, and check the kernel's architecture"
        raise BootFailed("the kernel on the card is not an arm64 Image", hint=hint)


def _device_tree(config: PiConfig, board: Board) -> str:
    """Return the device tree for the model that QEMU plays."""
    named = config.get("device_tree")
    if named:
        return named
    if config.get("upstream_kernel") == "1":
        return board.device_tree
    hint = "write upstream_kernel=1, or name one with device_tree="
    raise EmulationError("the test knows the mainline names of device trees only", where=NAME, hint=hint)
