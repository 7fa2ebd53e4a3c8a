"""What a snapshot tells about a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.loops import add_partitions, attached, device_at, partition, run, sparse_file
from support.machines import GB, FakeMachine

from lkboard.devices.machine import Machine
from lkboard.devices.snapshot import find, snapshot
from lkboard.model.device import MountPoint, Volume

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def test_facts_of_a_stick(machine: FakeMachine) -> None:
    machine.disk("sda", "usb", removable=True, vendor="SanDisk", model="Ultra Fit", serial="4C530001", diskseq=12)
    device = machine.device("sda")
    assert (device.title, device.id, device.transport) == ("SanDisk Ultra Fit", "4C530001", "usb")
    assert (device.size_bytes, device.diskseq, device.sector_size) == (32 * GB, 12, 512)
    assert (device.is_removable, device.is_read_only, device.is_virtual, device.is_loop) == (True, False, False, False)


@pytest.mark.parametrize("bus", ["usb", "sata", "mmc", "nvme", "virtio"])
def test_serial_number_without_udev(machine: FakeMachine, bus: str) -> None:
    machine.disk("x0", bus, serial="ABC123")
    assert (machine.device("x0").id, machine.device("x0").transport) == ("ABC123", bus)


def test_serial_number_of_udev_comes_first(machine: FakeMachine) -> None:
    machine.disk("sda", "sata", serial="from-sysfs", ID_SERIAL_SHORT="from-udev", ID_WWN="0x5000")
    assert machine.device("sda").id == "from-udev"


def test_world_wide_name_for_want_of_a_serial_number(machine: FakeMachine) -> None:
    machine.disk("sda", "sata", ID_WWN="0x5000c500")
    assert machine.device("sda").id == "0x5000c500"


def test_a_device_may_have_no_id(machine: FakeMachine) -> None:
    machine.disk("sda", "usb")
    assert machine.device("sda").id == ""
    assert machine.device("sda").title == "/dev/sda"


def test_a_loop_device_is_its_path(machine: FakeMachine) -> None:
    machine.loop("loop7")
    device = machine.device("loop7")
    assert (device.id, device.is_loop, device.is_virtual) == ("/dev/loop7", True, True)


def test_a_partition_has_the_id_and_sector_size_of_its_disk(machine: FakeMachine) -> None:
    machine.disk("sda", "usb", serial="S1", sector_size=4096)
    machine.partition("sda1")
    assert (machine.device("sda1").id, machine.device("sda1").sector_size) == ("S1", 4096)
    assert machine.device("sda1").is_partition


def test_vendors_that_are_no_names_are_left_out(machine: FakeMachine) -> None:
    machine.disk("vda", "virtio", vendor="0x1af4")
    machine.disk("sda", "sata", vendor="ATA", model="ST4000DM004")
    assert [device.vendor for device in snapshot(machine.machine)] == ["", ""]


def test_contents_are_the_partitions_in_the_order_of_the_disk(machine: FakeMachine) -> None:
    machine.disk("sda", "usb")
    machine.partition("sda2", 8 * GB, start=2048, ID_FS_TYPE="ext4", ID_FS_LABEL="rootfs")
    machine.partition("sda1", GB, start=20000000)
    assert machine.device("sda").contents == (
        Volume("/dev/sda2", 8 * GB, "ext4", "rootfs"),
        Volume("/dev/sda1", GB // 512 * 512, "", ""),
    )


def test_contents_of_a_device_without_partitions(machine: FakeMachine) -> None:
    machine.disk("sda", "usb", ID_FS_TYPE="exfat", ID_FS_LABEL="PHOTOS")
    machine.disk("sdb", "usb")
    assert machine.device("sda").contents == (Volume("/dev/sda", 32 * GB, "exfat", "PHOTOS"),)
    assert machine.device("sdb").contents == ()


def test_contents_are_probed_where_udev_is_not_running(machine: FakeMachine) -> None:
    machine.disk("sda", "usb")
    for record in machine.machine.udev.iterdir():
        record.unlink()
    (machine.machine.dev / "sda").write_bytes(b"LUKS\xba\xbe" + bytes(4096))
    assert machine.verdict("sda").reasons == ("/dev/sda is an encrypted volume (LUKS)",)


def test_mounts_name_the_device_that_carries_them(machine: FakeMachine) -> None:
    machine.disk("sda", "usb")
    machine.partition("sda1")
    machine.stack("dm-0", "sda1", mapper_name="crypt")
    machine.mount("dm-0", "/mnt")
    assert machine.device("sda").mounts == (MountPoint("/mnt", "/dev/dm-0"),)
    assert machine.device("sda").holders == ("dm-0 (crypt)",)


def test_a_name_with_a_slash(machine: FakeMachine) -> None:
    machine.disk("cciss!c0d0", "sata")
    assert machine.device("cciss/c0d0").path == "/dev/cciss/c0d0"


def test_hidden_devices_are_left_out(machine: FakeMachine) -> None:
    machine.disk("nvme0c0n1", "nvme")
    (machine.folders["nvme0c0n1"] / "dev").unlink()
    assert snapshot(machine.machine) == ()


def test_a_machine_without_anything(tmp_path: Path) -> None:
    assert snapshot(Machine(*[tmp_path / "none"] * 4)) == ()


@pytest.mark.parametrize("line", ["", "30 1", "30 1 8:1 /", "30 1 0:99 / /x rw - tmpfs", "- - - - -"])
def test_odd_lines_of_mountinfo_are_passed_over(machine: FakeMachine, line: str) -> None:
    machine.disk("sda", "usb", removable=True)
    machine.mount_line(line)
    assert machine.verdict("sda").verdict == "allowed"


def test_a_file_is_no_device(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"")
    assert find(str(tmp_path / "image")) is None


def test_nothing_is_no_device(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find(str(tmp_path / "gone"))


@pytest.mark.device
def test_a_real_loop_device(tmp_path: Path) -> None:
    backing = sparse_file(tmp_path / "card", 8 << 20)
    with attached(backing) as path:
        device = device_at(path)
        assert (device.path, device.id, device.size_bytes) == (str(path), str(path), 8 << 20)
        assert device.diskseq > 0
        assert device.location == f"/devices/virtual/block/{path.name}"


@pytest.mark.device
def test_a_symlink_leads_to_the_device(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "card", 8 << 20)) as path:
        (tmp_path / "by-id").symlink_to(path)
        found = find(str(tmp_path / "by-id"))
        assert found is not None
        assert found.path == str(path)


@pytest.mark.device
def test_a_real_mount(tmp_path: Path) -> None:
    backing = sparse_file(tmp_path / "card", 8 << 20)
    (tmp_path / "place here").mkdir()
    with attached(backing) as path:
        run("mkfs.ext4", "-q", str(path))
        run("mount", str(path), str(tmp_path / "place here"))
        try:
            assert device_at(path).mounts == (MountPoint(str(tmp_path / "place here"), str(path)),)
        finally:
            run("umount", str(path))


@pytest.mark.device
def test_a_read_only_loop_device(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "card", 8 << 20), "--read-only") as path:
        assert device_at(path).is_read_only


@pytest.mark.device
def test_real_partitions(tmp_path: Path) -> None:
    backing = sparse_file(tmp_path / "card", 64 << 20)
    partition(backing, "label: dos\nstart=2048, size=8192, type=c\nstart=10240, type=83\n")
    with attached(backing) as path:
        add_partitions(path)
        assert [volume.path for volume in device_at(path).contents] == [f"{path}p1", f"{path}p2"]
        assert [volume.size_bytes for volume in device_at(path).contents] == [4 << 20, 59 << 20]


@pytest.mark.device
def test_a_mounted_partition_shows_on_its_disk(tmp_path: Path) -> None:
    backing = partition(sparse_file(tmp_path / "card", 64 << 20), "label: dos\nstart=2048, type=83\n")
    with attached(backing) as path:
        add_partitions(path)
        run("mkfs.ext4", "-q", f"{path}p1")
        (tmp_path / "place").mkdir()
        run("mount", f"{path}p1", str(tmp_path / "place"))
        try:
            assert device_at(path).mounts == (MountPoint(str(tmp_path / "place"), f"{path}p1"),)
        finally:
            run("umount", f"{path}p1")


FORGED = "Ultra\x1b[2K\r\u202eFit\x9b\u200b"
SHOWN = "Ultra\ufffd[2K\ufffd\ufffdFit\ufffd\ufffd"


def test_what_a_device_says_of_itself_cannot_steer_the_terminal(machine: FakeMachine) -> None:
    machine.disk("sda", "sata", vendor=f"{FORGED}v", model=f"{FORGED}m", serial="1", ID_SERIAL_SHORT=f"{FORGED}s")
    device = machine.device("sda")
    assert (device.vendor, device.model, device.id) == (f"{SHOWN}v", f"{SHOWN}m", f"{SHOWN}s")


def test_what_is_on_a_device_cannot_either(machine: FakeMachine) -> None:
    machine.disk("sda", "usb")
    machine.partition("sda1", ID_FS_TYPE="vf\x1bat", ID_FS_LABEL=f"{FORGED}l")
    machine.stack("dm-0", "sda1", mapper_name=f"{FORGED}n")
    machine.mount("sda1", "/media/\\033[2K")
    device = machine.device("sda")
    assert device.contents == (Volume("/dev/sda1", GB, "vf\ufffdat", f"{SHOWN}l"),)
    assert device.holders == (f"dm-0 ({SHOWN}n)",)
    assert device.mounts == (MountPoint("/media/\ufffd[2K", "/dev/sda1"),)


@pytest.mark.device
def test_nor_can_a_label_that_we_read_ourselves(tmp_path: Path) -> None:
    with attached(sparse_file(tmp_path / "card", 8 << 20)) as path:
        run("mkfs.ext4", "-q", "-L", "a\x1b[2Kb", str(path))
        (volume,) = device_at(path).contents
    assert volume.label == "a\ufffd[2Kb"


@pytest.mark.parametrize("separator", ["\r", "\x0b", "\x1c", "\x85", "\u2028"])
def test_no_text_passes_for_a_line_of_its_own(machine: FakeMachine, separator: str) -> None:
    machine.disk(
        "sda", "usb", ID_SERIAL_SHORT="true", ID_FS_TYPE="vfat", ID_FS_LABEL=f"x{separator}E:ID_SERIAL_SHORT=y"
    )
    machine.mount("sda", f"/media/a{separator}b")
    device = machine.device("sda")
    assert device.id == "true"
    assert device.contents[0].label == "x\ufffdE:ID_SERIAL_SHORT=y"
    assert device.mounts == (MountPoint("/media/a\ufffdb", "/dev/sda"),)


def test_letters_of_all_languages_stay(machine: FakeMachine) -> None:
    machine.disk("sda", "usb", ID_FS_TYPE="vfat", ID_FS_LABEL="Fotos Grüße 写真")
    assert machine.device("sda").contents[0].label == "Fotos Grüße 写真"


def test_disks_with_a_medium_are_told_from_all_other_devices(machine: FakeMachine) -> None:
    machine.disk("nvme0n1", "nvme")
    machine.partition("nvme0n1p1")
    machine.disk("sda", "usb", removable=True)
    machine.disk("sdb", "usb", 0, removable=True)
    machine.loop("loop0")
    found = {device.path.removeprefix("/dev/"): device.is_disk_with_medium for device in snapshot(machine.machine)}
    assert found == {"loop0": False, "nvme0n1": True, "nvme0n1p1": False, "sda": True, "sdb": False}
