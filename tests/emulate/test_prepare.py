"""From an image and the user's wishes to a machine."""

from __future__ import annotations

import filecmp
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.boards import write_board
from support.pi_cards import PI_FILES, make_pi_card
from support.tools import need

from lkboard.board.catalogue import find_board
from lkboard.board.load import load_board
from lkboard.emulate.machine import Drive, Forward, KernelBoot
from lkboard.emulate.medium import DiskImage, KernelFiles
from lkboard.emulate.prepare import Wish, prepare
from lkboard.emulate.programs import find_firmware
from lkboard.errors import EmulationError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from support.jobs import RecordingJob

PC, ARM, PI = (find_board(name, extra=()) for name in ("x86-efi", "arm64-efi", "rpi3"))
TCG = Wish(accelerator="tcg")


@pytest.fixture
def image(tmp_path: Path) -> DiskImage:
    path = tmp_path / "a.img"
    path.write_bytes(bytes(1 << 20))
    return DiskImage(str(path), 1 << 20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "throw-away"
    path.mkdir()
    return path


def kernel_files(tmp_path: Path, head: bytes) -> KernelFiles:
    (tmp_path / "k").write_bytes(head)
    return KernelFiles(str(tmp_path / "k"), "initrd", "quiet")


def test_a_disk_on_a_board_with_firmware(image: DiskImage, folder: Path, job: RecordingJob) -> None:
    need("qemu-system-x86_64", "qemu-img")
    machine = prepare(image, replace(TCG, board=PC), folder, job)
    assert (machine.emulation, machine.architecture, machine.accelerator) == (PC.emulation, "amd64", "tcg")
    assert machine.boot_disk == Drive(str(folder / "overlay.qcow2"), "qcow2")
    assert machine.kernel is None


def test_the_guest_gets_its_own_copy_of_the_firmwares_variables(
    image: DiskImage, folder: Path, job: RecordingJob
) -> None:
    need("qemu-system-aarch64", "qemu-img")
    firmware = prepare(image, replace(TCG, board=ARM), folder, job).firmware
    original = find_firmware("aavmf")
    assert firmware is not None
    assert (firmware.code, firmware.variables) == (original.code, str(folder / "variables.fd"))
    assert filecmp.cmp(firmware.variables, original.variables, shallow=False)


def test_a_card_is_read_by_the_tester(tmp_path: Path, folder: Path, job: RecordingJob) -> None:
    need("qemu-system-aarch64", "qemu-img")
    card = make_pi_card(tmp_path / "card.img", PI_FILES)
    machine = prepare(DiskImage(str(card), card.stat().st_size), replace(TCG, board=PI), folder, job)
    assert machine.kernel is not None
    assert machine.kernel.cmdline == "console=ttyS1,115200 quiet"
    assert (machine.firmware, machine.has_network) == (None, True)


def test_behind_u_boot_the_card_is_read_by_u_boot(tmp_path: Path, folder: Path, job: RecordingJob) -> None:
    need("qemu-system-aarch64", "qemu-img")
    card = make_pi_card(tmp_path / "card.img", PI_FILES)
    wish = replace(TCG, board=PI, u_boot="u-boot.bin")
    machine = prepare(DiskImage(str(card), card.stat().st_size), wish, folder, job)
    assert machine.kernel == KernelBoot("u-boot.bin", device_tree=str(folder / "bcm2837-rpi-3-b.dtb"))
    assert not machine.has_network


def test_wishes_win_over_the_board(image: DiskImage, folder: Path, job: RecordingJob) -> None:
    need("qemu-system-x86_64", "qemu-img")
    wish = Wish(
        board=PC,
        memory_mib=2048,
        cpus=4,
        accelerator="tcg",
        forwards=(Forward(1, 2),),
        drives=(Drive("d", "raw"),),
        metadata_iso="m.iso",
        is_interactive=True,
    )
    machine = prepare(image, wish, folder, job)
    assert (machine.emulation.memory_mib, machine.emulation.cpus) == (2048, 4)
    assert (machine.forwards, machine.drives) == (wish.forwards, wish.drives)
    assert (machine.metadata_iso, machine.is_interactive) == ("m.iso", True)


@pytest.mark.parametrize(
    ("head", "machine_name"),
    [(bytes(0x38) + b"ARM\x64", "virt,gic-version=max"), (bytes(0x202) + b"HdrS", "q35")],
)
def test_kernel_files_need_no_board(
    tmp_path: Path, folder: Path, job: RecordingJob, head: bytes, machine_name: str
) -> None:
    need("qemu-system-aarch64", "qemu-system-x86_64")
    machine = prepare(kernel_files(tmp_path, head), TCG, folder, job)
    assert machine.emulation.machine == machine_name
    assert machine.kernel == KernelBoot(str(tmp_path / "k"), "initrd", "", "quiet")


def test_the_architecture_of_kernel_files_can_be_given(tmp_path: Path, folder: Path, job: RecordingJob) -> None:
    need("qemu-system-aarch64")
    machine = prepare(kernel_files(tmp_path, b"\x1f\x8b"), replace(TCG, architecture="arm64"), folder, job)
    assert machine.architecture == "arm64"


def test_kernel_files_run_on_the_machine_of_a_board(tmp_path: Path, folder: Path, job: RecordingJob) -> None:
    need("qemu-system-aarch64")
    machine = prepare(kernel_files(tmp_path, b""), replace(TCG, board=ARM), folder, job)
    assert (machine.emulation, machine.firmware) == (ARM.emulation, None)


def test_a_disk_needs_a_board(image: DiskImage, folder: Path, job: RecordingJob) -> None:
    with pytest.raises(UsageError, match=r"a disk image needs a board \(add --board; 'lkboard boards' lists them\)"):
        prepare(image, TCG, folder, job)


def test_a_board_with_a_device_tree_needs_a_disk(tmp_path: Path, folder: Path, job: RecordingJob) -> None:
    with pytest.raises(EmulationError, match="rpi3: this board needs a disk image, not a kernel and an initrd"):
        prepare(kernel_files(tmp_path, b""), replace(TCG, board=PI), folder, job)


def test_an_unknown_architecture_is_refused(tmp_path: Path, folder: Path, job: RecordingJob) -> None:
    with pytest.raises(EmulationError, match=r"no machine is known for 'mips' \(known: amd64, arm64\)"):
        prepare(kernel_files(tmp_path, b""), replace(TCG, architecture="mips"), folder, job)


def test_a_board_that_cannot_be_emulated_is_refused(
    tmp_path: Path, image: DiskImage, folder: Path, job: RecordingJob
) -> None:
    board = replace(load_board(write_board(tmp_path / "toy")), emulation=None)
    with pytest.raises(EmulationError, match="toy: this board cannot be emulated"):
        prepare(image, replace(TCG, board=board), folder, job)
