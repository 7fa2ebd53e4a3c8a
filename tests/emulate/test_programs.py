"""Looking for the emulator and its firmware."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkboard.emulate.programs import Firmware, find_firmware, find_qemu, find_qemu_img
from lkboard.errors import NoEmulator

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole search path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("architecture", "name"), [("amd64", "qemu-system-x86_64"), ("arm64", "qemu-system-aarch64")])
def test_the_emulator_is_found_in_the_search_path(programs: Path, architecture: str, name: str) -> None:
    (programs / name).touch(0o755)
    assert find_qemu(architecture) == str(programs / name)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("amd64", "the program 'qemu-system-x86_64' is not installed (install it: apt install qemu-system-x86)"),
        ("arm64", "the program 'qemu-system-aarch64' is not installed (install it: apt install qemu-system-arm)"),
        ("riscv64", "the program 'qemu-system-riscv64' is not installed (install it: apt install qemu-system-misc)"),
    ],
)
@pytest.mark.usefixtures("programs")
def test_a_missing_emulator_names_its_package(architecture: str, message: str) -> None:
    with pytest.raises(NoEmulator) as caught:
        find_qemu(architecture)
    assert str(caught.value) == message


@pytest.mark.usefixtures("programs")
def test_a_missing_qemu_img_names_its_package() -> None:
    with pytest.raises(NoEmulator, match=r"'qemu-img' is not installed \(install it: apt install qemu-utils\)"):
        find_qemu_img()


def test_the_first_complete_firmware_is_taken(tmp_path: Path) -> None:
    places = [Firmware(str(tmp_path / f"code{n}"), str(tmp_path / f"vars{n}")) for n in range(3)]
    (tmp_path / "code0").touch()
    for name in ("code1", "vars1", "code2", "vars2"):
        (tmp_path / name).touch()
    assert find_firmware("ovmf", places) == places[1]


@pytest.mark.parametrize(("name", "package"), [("ovmf", "ovmf"), ("aavmf", "qemu-efi-aarch64")])
def test_missing_firmware_names_its_package(name: str, package: str) -> None:
    with pytest.raises(NoEmulator, match=rf"'{name}' is not installed \(install it: apt install {package}\)"):
        find_firmware(name, ())
