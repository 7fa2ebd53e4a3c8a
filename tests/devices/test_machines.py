"""The verdict on every device of recorded machines: no device in use is ever allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.machines import GB, FakeMachine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Verdicts = dict[str, str]
"""``verdict`` or ``verdict: part of a reason`` by name of the device."""


def laptop_with_luks_and_lvm(machine: FakeMachine) -> Verdicts:
    machine.disk("nvme0n1", "nvme", 512 * GB, model="Samsung SSD 980", serial="S64DNX0R")
    machine.partition("nvme0n1p1", ID_FS_TYPE="vfat")
    machine.partition("nvme0n1p2", start=4096, ID_FS_TYPE="crypto_LUKS")
    machine.stack("dm-0", "nvme0n1p2", mapper_name="cryptroot")
    machine.stack("dm-1", "dm-0", mapper_name="vg-root")
    machine.stack("dm-2", "dm-0", mapper_name="vg-swap")
    machine.mount("nvme0n1p1", "/boot/efi")
    machine.mount("dm-1", "/")
    machine.swap("/dev/dm-2")
    machine.disk("sda", "usb", removable=True, vendor="SanDisk", model="Ultra")
    machine.partition("sda1", ID_FS_TYPE="vfat")
    return {
        "nvme0n1": "refused: it holds the running system: /dev/dm-1 is mounted at /",
        "nvme0n1p1": "refused: it is a partition",
        "dm-1": "refused: it is a device-mapper volume",
        "sda": "allowed",
        "sda1": "refused: it is a partition",
    }


def swap_deep_in_a_stack(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True)
    machine.partition("sda1")
    machine.stack("dm-0", "sda1", mapper_name="crypt")
    machine.stack("dm-1", "dm-0", mapper_name="vg-swap")
    machine.swap("/dev/mapper/vg-swap")
    return {"sda": "refused: /dev/dm-1 is active swap"}


def luks_stick_opened_but_not_mounted(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True, ID_FS_TYPE="crypto_LUKS")
    machine.stack("dm-0", "sda", mapper_name="luks-backup")
    return {"sda": "refused: it is in use by dm-0 (luks-backup)"}


def luks_stick_closed(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True, ID_FS_TYPE="crypto_LUKS")
    return {"sda": "needs_override: /dev/sda is an encrypted volume (LUKS)"}


def btrfs_root_with_subvolumes(machine: FakeMachine) -> Verdicts:
    machine.disk("nvme0n1", "nvme")
    machine.partition("nvme0n1p2", ID_FS_TYPE="btrfs")
    machine.mount_anonymous("/dev/nvme0n1p2", "/", "btrfs")
    machine.mount_anonymous("/dev/nvme0n1p2", "/home", "btrfs")
    return {"nvme0n1": "refused: it holds the running system: /dev/nvme0n1p2 is mounted at /home"}


def btrfs_over_two_sticks(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True, ID_FS_TYPE="btrfs")
    machine.disk("sdb", "usb", removable=True, ID_FS_TYPE="btrfs")
    machine.btrfs("3c1b1a3e-0000", "sda", "sdb")
    machine.mount_anonymous("/dev/sda", "/srv", "btrfs")
    return {"sda": "refused: /dev/sda is mounted at /srv", "sdb": "refused: /dev/sdb is mounted at /srv"}


def btrfs_mounted_by_a_name_nobody_knows(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True, ID_FS_TYPE="btrfs")
    machine.btrfs("3c1b1a3e-0000", "sda")
    machine.mount_anonymous("/dev/root", "/", "btrfs")
    return {"sda": "refused: /dev/sda is mounted at btrfs 3c1b1a3e-0000"}


def bcachefs_over_two_sticks(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True)
    machine.disk("sdb", "usb", removable=True)
    machine.mount_anonymous("/dev/sda:/dev/sdb", "/srv", "bcachefs")
    return {"sda": "refused: mounted at /srv", "sdb": "refused: mounted at /srv"}


def mirror_of_two_disks(machine: FakeMachine) -> Verdicts:
    for name in ("sda", "sdb"):
        machine.disk(name, "sata", 4000 * GB)
        machine.partition(f"{name}1", ID_FS_TYPE="linux_raid_member")
    machine.stack("md127", "sda1", "sdb1")
    machine.partition("md127p1")
    machine.mount("md127p1", "/home")
    return {
        "sda": "refused: it holds the running system: /dev/md127p1 is mounted at /home",
        "sdb": "refused: in use by md127",
        "md127": "refused: it is a RAID array",
    }


def member_of_a_stopped_raid(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True)
    machine.partition("sda1", ID_FS_TYPE="linux_raid_member")
    return {"sda": "needs_override: /dev/sda1 is a member of a RAID array"}


def bcache_on_a_stick(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True, ID_FS_TYPE="bcache")
    machine.stack("bcache0", "sda")
    return {"sda": "refused: in use by bcache0", "bcache0": "refused: it is a virtual device"}


def zfs_pool_imported(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "sata", 4000 * GB)
    machine.partition("sda1", ID_FS_TYPE="zfs_member")
    machine.mount_anonymous("rpool/ROOT", "/", "zfs")
    machine.zfs_pool("rpool")
    return {"sda": "refused: it is in use by a ZFS pool"}


def zfs_pool_exported(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True)
    machine.partition("sda1", ID_FS_TYPE="zfs_member")
    return {"sda": "needs_override: a member of a ZFS pool"}


def lvm_volume_active(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True, ID_FS_TYPE="LVM2_member")
    machine.stack("dm-3", "sda", mapper_name="data-media")
    return {"sda": "refused: it is in use by dm-3 (data-media)"}


def lvm_volume_idle(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True)
    machine.partition("sda2", ID_FS_TYPE="LVM2_member")
    return {"sda": "needs_override: /dev/sda2 is an LVM physical volume"}


def stick_mounted_by_the_desktop(machine: FakeMachine) -> Verdicts:
    machine.disk("sdb", "usb", removable=True)
    machine.partition("sdb1", ID_FS_TYPE="vfat")
    machine.mount("sdb1", r"/media/me/MY\040STICK", "vfat")
    return {"sdb": "refused: /dev/sdb1 is mounted at /media/me/MY STICK"}


def stick_mounted_as_a_whole(machine: FakeMachine) -> Verdicts:
    machine.disk("sdb", "usb", removable=True, ID_FS_TYPE="vfat")
    machine.mount("sdb", "/mnt")
    return {"sdb": "refused: /dev/sdb is mounted at /mnt"}


def stick_with_swap(machine: FakeMachine) -> Verdicts:
    machine.disk("sdb", "usb", removable=True)
    machine.partition("sdb2", ID_FS_TYPE="swap")
    machine.swap("/dev/sdb2")
    return {"sdb": "refused: /dev/sdb2 is active swap"}


def stick_with_swap_switched_off(machine: FakeMachine) -> Verdicts:
    machine.disk("sdb", "usb", removable=True)
    machine.partition("sdb2", ID_FS_TYPE="swap")
    return {"sdb": "allowed"}


def card_in_a_slot(machine: FakeMachine) -> Verdicts:
    machine.disk("mmcblk0", "mmc", model="", serial="0x1d2c3b4a")
    machine.partition("mmcblk0p1", ID_FS_TYPE="vfat")
    return {"mmcblk0": "allowed", "mmcblk0p1": "refused: it is a partition"}


def card_in_a_usb_reader(machine: FakeMachine) -> Verdicts:
    machine.disk("sdc", "usb", 64 * GB, removable=True, vendor="Generic", model="STORAGE DEVICE")
    return {"sdc": "allowed"}


def reader_without_a_card(machine: FakeMachine) -> Verdicts:
    machine.disk("sdc", "usb", 0, removable=True, vendor="Generic", model="STORAGE DEVICE")
    return {"sdc": "refused: there is no medium in it"}


def card_with_its_switch_set(machine: FakeMachine) -> Verdicts:
    machine.disk("sdc", "usb", removable=True, read_only=True)
    return {"sdc": "refused: it is read-only"}


def pi_booted_from_its_card(machine: FakeMachine) -> Verdicts:
    machine.disk("mmcblk0", "mmc")
    machine.partition("mmcblk0p1", ID_FS_TYPE="vfat")
    machine.partition("mmcblk0p2", ID_FS_TYPE="ext4")
    machine.mount("mmcblk0p1", "/boot/firmware", "vfat")
    machine.mount("mmcblk0p2", "/")
    machine.disk("sda", "usb", removable=True)
    return {"mmcblk0": "refused: it holds the running system", "sda": "allowed"}


def pi_booted_from_usb(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", 120 * GB)
    machine.partition("sda2", ID_FS_TYPE="ext4")
    machine.mount("sda2", "/")
    machine.disk("mmcblk0", "mmc")
    return {"sda": "refused: it holds the running system", "mmcblk0": "allowed"}


def live_session_from_a_stick(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True)
    machine.partition("sda1", ID_FS_TYPE="iso9660")
    machine.loop("loop0", read_only=True)
    machine.mount("sda1", "/run/live/medium", "iso9660")
    machine.mount("loop0", "/run/live/rootfs/filesystem.squashfs", "squashfs")
    return {"sda": "refused: /dev/sda1 is mounted at /run/live/medium", "loop0": "refused: mounted"}


def root_hidden_under_an_overlay(machine: FakeMachine) -> Verdicts:
    machine.disk("sda", "usb", removable=True)
    machine.partition("sda2", ID_FS_UUID="8f2c", ID_PART_ENTRY_UUID="9a-02")
    machine.kernel_arguments("console=tty0 root=PARTUUID=9a-02 rootwait overlayroot=tmpfs")
    return {"sda": "refused: it holds the running system: /dev/sda2 is mounted at /"}


def root_named_by_its_node(machine: FakeMachine) -> Verdicts:
    machine.disk("vda", "virtio")
    machine.kernel_arguments("root=/dev/vda rw")
    return {"vda": "refused: it holds the running system"}


def container_that_sees_only_its_own_mounts(machine: FakeMachine) -> Verdicts:
    machine.disk("sdb", "usb", removable=True)
    machine.partition("sdb1")
    machine.mount("sdb1", "/srv/data", pid="1")
    return {"sdb": "refused: /dev/sdb1 is mounted at /srv/data"}


def snaps_on_loops(machine: FakeMachine) -> Verdicts:
    machine.loop("loop3", backing="/var/lib/snapd/snaps/core_1.snap", read_only=True)
    machine.mount("loop3", "/snap/core/1", "squashfs")
    machine.loop("loop4")
    return {"loop3": "refused: /dev/loop3 is mounted", "loop4": "needs_override: it is a loop device"}


def nvme_in_a_usb_enclosure(machine: FakeMachine) -> Verdicts:
    machine.disk("sdd", "usb", 1000 * GB, vendor="Realtek", model="RTL9210B-CG")
    return {"sdd": "needs_override: it is larger than 238 GiB"}


def second_disk_inside(machine: FakeMachine) -> Verdicts:
    machine.disk("sdb", "sata", 120 * GB)
    machine.partition("sdb1", ID_FS_TYPE="ntfs", ID_FS_LABEL="Windows")
    return {"sdb": "needs_override: it is a built-in disk"}


def hot_plug_sata_cage(machine: FakeMachine) -> Verdicts:
    machine.disk("sdb", "sata", 120 * GB, removable=True)
    return {"sdb": "allowed"}


def virtual_machine(machine: FakeMachine) -> Verdicts:
    machine.disk("vda", "virtio", serial="overlayblk")
    machine.mount("vda", "/")
    machine.disk("vdb", "virtio", serial="data")
    return {"vda": "refused: it holds the running system", "vdb": "needs_override: it is a built-in disk"}


def odd_kinds(machine: FakeMachine) -> Verdicts:
    machine.disk("zram0", "virtual", GB)
    machine.disk("ram0", "virtual", GB)
    machine.disk("nbd0", "virtual", GB)
    machine.disk("sr0", "sata", GB, removable=True, read_only=True)
    machine.disk("fd0", "sata", 1474560, removable=True)
    return {
        "zram0": "refused: it is compressed memory",
        "ram0": "refused: it is a RAM disk",
        "nbd0": "refused: it is a virtual device",
        "sr0": "refused: it is an optical drive",
        "fd0": "refused: it is a floppy drive",
    }


MACHINES = (
    laptop_with_luks_and_lvm,
    swap_deep_in_a_stack,
    luks_stick_opened_but_not_mounted,
    luks_stick_closed,
    btrfs_root_with_subvolumes,
    btrfs_over_two_sticks,
    btrfs_mounted_by_a_name_nobody_knows,
    bcachefs_over_two_sticks,
    mirror_of_two_disks,
    member_of_a_stopped_raid,
    bcache_on_a_stick,
    zfs_pool_imported,
    zfs_pool_exported,
    lvm_volume_active,
    lvm_volume_idle,
    stick_mounted_by_the_desktop,
    stick_mounted_as_a_whole,
    stick_with_swap,
    stick_with_swap_switched_off,
    card_in_a_slot,
    card_in_a_usb_reader,
    reader_without_a_card,
    card_with_its_switch_set,
    pi_booted_from_its_card,
    pi_booted_from_usb,
    live_session_from_a_stick,
    root_hidden_under_an_overlay,
    root_named_by_its_node,
    container_that_sees_only_its_own_mounts,
    snaps_on_loops,
    nvme_in_a_usb_enclosure,
    second_disk_inside,
    hot_plug_sata_cage,
    virtual_machine,
    odd_kinds,
)


@pytest.mark.parametrize("build", MACHINES, ids=lambda build: build.__name__)
def test_verdict(build: Callable[[FakeMachine], Verdicts], tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    for name, expected in build(machine).items():
        verdict, _colon, reason = expected.partition(": ")
        found = machine.verdict(name)
        assert (found.verdict, reason in "; ".join(found.reasons)) == (verdict, True), (name, found)
