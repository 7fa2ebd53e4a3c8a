"""From an image and the user's wishes to a machine that is ready to start."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lkboard.emulate.accelerator import choose_accelerator
from lkboard.emulate.card import open_card
from lkboard.emulate.kernel_header import kernel_architecture
from lkboard.emulate.machine import Drive, Forward, KernelBoot, Machine
from lkboard.emulate.medium import DiskImage, KernelFiles
from lkboard.emulate.overlay import make_overlay
from lkboard.emulate.pi_loader import load_card
from lkboard.emulate.programs import Firmware, find_firmware, find_qemu
from lkboard.errors import EmulationError, UsageError
from lkboard.model.board import Emulation

if TYPE_CHECKING:
    from pathlib import Path

    from lkboard.emulate.machine import Accelerator
    from lkboard.events import Job
    from lkboard.model.board import Board

# what kernel+initrd outputs run on when no board is named
_GENERIC = {
    "amd64": Emulation(machine="q35", boot="kernel", cpu="max", memory_mib=1024, cpus=1),
    "arm64": Emulation(machine="virt,gic-version=max", boot="kernel", cpu="cortex-a72", memory_mib=1024, cpus=1),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants of a machine. Zero, None and empty leave it to the board.

    ``u_boot`` is the path of a boot loader that starts the card instead of what the tester reads from it.
    """

    board: Board | None = None
    architecture: str = ""
    memory_mib: int = 0
    cpus: int = 0
    accelerator: Literal["auto"] | Accelerator = "auto"
    forwards: tuple[Forward, ...] = ()
    drives: tuple[Drive, ...] = ()
    metadata_iso: str = ""
    u_boot: str = ""
    is_interactive: bool = False


def prepare(medium: DiskImage | KernelFiles, wish: Wish, folder: Path, job: Job) -> Machine:
    """Return the machine; its throw-away files are made in ``folder``.

    Raises `NoEmulator`, `BootFailed` for an image that the board would not even load, and other `EmulationError`.
    """
    architecture, emulation = _played(medium, wish)
    program = find_qemu(architecture)
    accelerator = wish.accelerator
    if accelerator == "auto":
        accelerator = choose_accelerator(program, architecture, job)
    machine = Machine(
        program=program,
        emulation=emulation,
        architecture=architecture,
        accelerator=accelerator,
        drives=wish.drives,
        metadata_iso=wish.metadata_iso,
        forwards=wish.forwards,
        is_interactive=wish.is_interactive,
    )
    if isinstance(medium, KernelFiles):
        return replace(machine, kernel=KernelBoot(medium.kernel, medium.initrd, "", medium.cmdline))
    return _with_disk(machine, medium, wish, folder)


def _played(medium: DiskImage | KernelFiles, wish: Wish) -> tuple[str, Emulation]:
    """Return the architecture and the emulation to play it with, as the user wishes it."""
    if wish.board is None:
        architecture, emulation = _generic(medium, wish.architecture)
    else:
        architecture, emulation = wish.board.architecture, _emulation(wish.board, medium)
    memory, cpus = wish.memory_mib or emulation.memory_mib, wish.cpus or emulation.cpus
    return architecture, replace(emulation, memory_mib=memory, cpus=cpus)


def _generic(medium: DiskImage | KernelFiles, architecture: str) -> tuple[str, Emulation]:
    if isinstance(medium, DiskImage):
        raise UsageError("a disk image needs a board", hint="add --board; 'lkboard boards' lists them")
    architecture = architecture or kernel_architecture(medium.kernel)
    emulation = _GENERIC.get(architecture)
    if emulation is None:
        raise EmulationError(f"no machine is known for '{architecture}'", hint=f"known: {', '.join(_GENERIC)}")
    return architecture, emulation


def _emulation(board: Board, medium: DiskImage | KernelFiles) -> Emulation:
    if board.emulation is None:
        raise EmulationError("this board cannot be emulated", where=board.id)
    if isinstance(medium, KernelFiles) and board.device_tree:
        raise EmulationError("this board needs a disk image, not a kernel and an initrd", where=board.id)
    return board.emulation


def _with_disk(machine: Machine, image: DiskImage, wish: Wish, folder: Path) -> Machine:
    emulation = machine.emulation
    overlay = make_overlay(image, folder, is_sd=emulation.disk == "sd")
    machine = replace(machine, boot_disk=overlay)
    if emulation.boot == "firmware":
        firmware = find_firmware(emulation.firmware) if emulation.firmware else None
        return replace(machine, firmware=None if firmware is None else _private(firmware, folder))
    assert wish.board is not None
    with open_card(image.path) as card:
        boot = load_card(card, wish.board, folder)
    if wish.u_boot:
        # with usb-net attached the kernel never came up behind U-Boot (boot.md section 2.1)
        return replace(machine, kernel=KernelBoot(wish.u_boot, device_tree=boot.device_tree), has_network=False)
    return replace(machine, kernel=boot)


def _private(firmware: Firmware, folder: Path) -> Firmware:
    """Return the firmware with a copy of its variables, which the guest may change."""
    variables = folder / "variables.fd"
    shutil.copyfile(firmware.variables, variables)
    return replace(firmware, variables=str(variables))
