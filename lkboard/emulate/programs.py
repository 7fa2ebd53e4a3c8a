"""Finds QEMU and the firmware of virtual machines in the usual places of distributions."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkboard.errors import NoEmulator

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAMS = {
    "amd64": ("qemu-system-x86_64", "qemu-system-x86"),
    "arm64": ("qemu-system-aarch64", "qemu-system-arm"),
    "riscv64": ("qemu-system-riscv64", "qemu-system-misc"),
}


@dataclass(frozen=True, slots=True)
class Firmware:
    """The two flash images of UEFI: program, and the template of its variables (a run works on a copy)."""

    code: str
    variables: str


@dataclass(frozen=True, slots=True)
class _Offer:
    package: str
    places: tuple[Firmware, ...]


# Debian and Ubuntu, Fedora, Arch, openSUSE
_FIRMWARE = {
    "ovmf": _Offer(
        "ovmf",
        (
            Firmware("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
            Firmware("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
            Firmware("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
            Firmware("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
            Firmware("/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"),
        ),
    ),
    "aavmf": _Offer(
        "qemu-efi-aarch64",
        (
            Firmware("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
            Firmware("/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"),
            Firmware("/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd"),
            Firmware("/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"),
        ),
    ),
}


def find_qemu(architecture: str) -> str:
    """Return the path of the emulator for an architecture (Go's name). Raises `NoEmulator`."""
    name, package = _PROGRAMS[architecture]
    return _find_program(name, package)


def find_qemu_img() -> str:
    """Return the path of ``qemu-img``. Raises `NoEmulator`."""
    return _find_program("qemu-img", "qemu-utils")


def find_firmware(name: str, places: Sequence[Firmware] | None = None) -> Firmware:
    """Return the first firmware of this name that is installed. Raises `NoEmulator`."""
    offer = _FIRMWARE[name]
    for firmware in offer.places if places is None else places:
        if Path(firmware.code).is_file() and Path(firmware.variables).is_file():
            return firmware
    raise NoEmulator(f"the firmware '{name}' is not installed", hint=f"install it: apt install {offer.package}")


def _find_program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise NoEmulator(f"the program '{name}' is not installed", hint=f"install it: apt install {package}")
    return path
