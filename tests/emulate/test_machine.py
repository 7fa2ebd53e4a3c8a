"""Command lines of QEMU, as reviewed text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lkboard.board.catalogue import find_board
from lkboard.emulate.machine import Drive, Forward, KernelBoot, Machine, command
from lkboard.emulate.programs import Firmware


def machine(board_name: str, **fields: object) -> Machine:
    board = find_board(board_name, extra=())
    assert board.emulation is not None
    return replace(Machine("qemu", board.emulation, board.architecture), **fields)  # type: ignore[arg-type]


def line(given: Machine) -> str:
    return " ".join(command(given))


def test_a_pc_that_boots_a_disk() -> None:
    given = machine(
        "x86-efi",
        firmware=Firmware("code.fd", "vars.fd"),
        boot_disk=Drive("o.qcow2", "qcow2"),
        forwards=(Forward(8080, 80), Forward(5353, 53, "udp")),
    )
    assert line(given) == (
        "qemu -machine q35,accel=tcg -cpu max -smp 2 -m 512M "
        "-nodefaults -display none -no-reboot -boot strict=on -serial stdio "
        "-drive if=pflash,format=raw,readonly=on,file=code.fd -drive if=pflash,format=raw,file=vars.fd "
        "-drive if=none,id=boot,format=qcow2,file=o.qcow2 -device virtio-blk-pci,drive=boot,bootindex=0 "
        "-netdev user,id=net,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=udp:127.0.0.1:5353-:53 "
        "-device virtio-net-pci,romfile=,netdev=net"
    )


def test_an_arm_machine_that_boots_a_disk() -> None:
    given = machine("arm64-efi", firmware=Firmware("code.fd", "vars.fd"), boot_disk=Drive("o.qcow2", "qcow2"))
    assert line(given) == (
        "qemu -machine virt,gic-version=max,accel=tcg -cpu cortex-a72 -smp 2 -m 512M "
        "-nodefaults -display none -no-reboot -boot strict=on -serial stdio "
        "-drive if=pflash,format=raw,readonly=on,file=code.fd -drive if=pflash,format=raw,file=vars.fd "
        "-drive if=none,id=boot,format=qcow2,file=o.qcow2 -device virtio-blk-pci,drive=boot,bootindex=0 "
        "-netdev user,id=net -device virtio-net-pci,romfile=,netdev=net"
    )


def test_a_pi_whose_console_is_the_second_port() -> None:
    boot = KernelBoot("kernel8.img", "initrd.img", "pi.dtb", "console=ttyS1,115200 quiet")
    assert line(machine("rpi3", kernel=boot, boot_disk=Drive("o.qcow2", "qcow2"))) == (
        "qemu -machine raspi3b,accel=tcg -smp 4 -m 1024M "
        "-nodefaults -display none -no-reboot -boot strict=on -serial null -serial stdio "
        "-kernel kernel8.img -initrd initrd.img -dtb pi.dtb -append console=ttyS1,115200 quiet "
        "-drive if=sd,format=qcow2,file=o.qcow2 "
        "-netdev user,id=net -device usb-net,netdev=net"
    )


def test_behind_u_boot_there_is_no_network() -> None:
    given = machine("rpi3", kernel=KernelBoot("u-boot.bin", device_tree="pi.dtb"), has_network=False)
    assert line(given).endswith("-kernel u-boot.bin -dtb pi.dtb")


def test_virtualization_takes_the_hosts_processor() -> None:
    assert "-machine q35,accel=kvm -cpu host " in line(machine("x86-efi", accelerator="kvm"))


def test_on_the_terminal_the_console_has_the_escape_key() -> None:
    assert "-serial null -serial mon:stdio" in line(machine("rpi3", is_interactive=True))


def test_further_disks_and_metadata_of_each_machine() -> None:
    extra = {"drives": (Drive("a.img", "raw"), Drive("b.img", "qcow2")), "metadata_iso": "d.iso", "has_network": False}
    disks = {
        name: line(machine(name, **extra)).partition("-drive ")[2].replace("-drive ", "\n")
        for name in ("x86-efi", "arm64-efi", "rpi3")
    }
    first, second = "if=none,id=disk0,format=raw,file=a.img", "if=none,id=disk1,format=qcow2,file=b.img"
    data = "if=none,id=data,format=raw,media=cdrom,readonly=on,file=d.iso"
    virtio = f"{first} -device virtio-blk-pci,drive=disk0 \n{second} -device virtio-blk-pci,drive=disk1 \n{data}"
    usb = f"{first} -device usb-storage,drive=disk0 \n{second} -device usb-storage,drive=disk1 \n{data}"
    assert disks == {
        "x86-efi": f"{virtio} -device ide-cd,drive=data",
        "arm64-efi": f"{virtio} -device virtio-scsi-pci -device scsi-cd,drive=data",
        "rpi3": f"{usb} -device usb-storage,drive=data",
    }


def test_a_comma_in_a_path_is_written_twice() -> None:
    assert "file=a,,b.img" in line(machine("x86-efi", boot_disk=Drive("a,b.img", "raw")))


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("x86-efi", "-device ide-cd,drive=boot,bootindex=0"),
        ("arm64-efi", "-device virtio-scsi-pci -device scsi-cd,drive=boot,bootindex=0"),
    ],
)
def test_a_disc_in_the_reader_of_each_machine(name: str, reader: str) -> None:
    given = machine(name, boot_disk=Drive("x.iso", "raw"), has_network=False)
    given = replace(given, emulation=replace(given.emulation, disk="cd"))
    assert line(given).endswith(f"-drive if=none,id=boot,media=cdrom,format=raw,file=x.iso {reader}")
