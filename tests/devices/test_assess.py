"""The rules one by one, on values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.devices.assess import ALLOW_FIXED, ALLOW_LOOP, Policy, assess
from lkboard.model.device import SWAP, BlockDevice, MountPoint, Volume

STICK = BlockDevice(
    path="/dev/sdb", number=(8, 16), size_bytes=32 * 10**9, id="4C53", transport="usb", is_removable=True
)
DISK = replace(STICK, path="/dev/sda", transport="sata", is_removable=False)
LOOP = replace(STICK, path="/dev/loop0", id="/dev/loop0", transport="", is_loop=True, is_virtual=True)
EVERYTHING = Policy(allow_loop=True, allow_fixed=True, limit_bytes=10**18)


def test_a_stick_is_allowed_without_a_word() -> None:
    assert assess(STICK, 10**6) == assess(STICK, 0)
    assert (assess(STICK, 0).verdict, assess(STICK, 0).reasons) == ("allowed", ())


@pytest.mark.parametrize(("missing", "verdict"), [(0, "allowed"), (1, "refused")])
def test_the_image_must_fit_to_the_byte(missing: int, verdict: str) -> None:
    assert assess(STICK, STICK.size_bytes + missing).verdict == verdict


def test_too_small_says_by_how_much() -> None:
    (reason,) = assess(replace(STICK, size_bytes=1 << 20), (1 << 20) + 512).reasons
    assert reason == "it is too small: the image has 1.0 MiB, the device 1.0 MiB (512 bytes are missing)"


@pytest.mark.parametrize(
    ("device", "policy", "verdict", "override"),
    [
        (DISK, Policy(), "needs_override", ALLOW_FIXED),
        (DISK, Policy(allow_fixed=True), "allowed", ""),
        (DISK, Policy(allow_loop=True), "needs_override", ALLOW_FIXED),
        (LOOP, Policy(), "needs_override", ALLOW_LOOP),
        (LOOP, Policy(allow_loop=True), "allowed", ""),
        (LOOP, Policy(allow_fixed=True), "needs_override", ALLOW_LOOP),
        (replace(STICK, transport="mmc", is_removable=False), Policy(), "allowed", ""),
        (replace(STICK, size_bytes=256 * 10**9), Policy(), "allowed", ""),
        (replace(STICK, size_bytes=256 * 10**9 + 512), Policy(), "needs_override", ALLOW_FIXED),
        (replace(STICK, size_bytes=256 * 10**9 + 512), Policy(limit_bytes=10**12), "allowed", ""),
    ],
)
def test_override(device: BlockDevice, policy: Policy, verdict: str, override: str) -> None:
    found = assess(device, 0, policy)
    assert (found.verdict, found.override) == (verdict, override)


def test_an_allowed_override_keeps_its_reasons() -> None:
    assert assess(DISK, 0, Policy(allow_fixed=True)).reasons


@pytest.mark.parametrize(
    ("place", "is_system"),
    [
        ("/", True),
        ("/boot", True),
        ("/boot/efi", True),
        ("/var/lib/docker", True),
        ("/home", True),
        ("/media/me/stick", False),
        ("/homework", False),
        ("/mnt", False),
    ],
)
def test_system_places_are_named_as_such(place: str, *, is_system: bool) -> None:
    (reason,) = assess(replace(STICK, mounts=(MountPoint(place, "/dev/sdb1"),)), 0).reasons
    assert reason.startswith("it holds the running system") == is_system
    assert reason.endswith(f"/dev/sdb1 is mounted at {place}")


def test_every_reason_is_told() -> None:
    device = replace(
        STICK,
        is_read_only=True,
        mounts=(MountPoint(SWAP, "/dev/sdb2"), MountPoint("/mnt", "/dev/sdb1")),
        holders=("md0",),
    )
    assert len(assess(device, 10**15).reasons) == 5


def test_many_mounts_are_summed_up_and_the_system_comes_first() -> None:
    mounts = [MountPoint(f"/mnt/{number}", "/dev/sdb1") for number in range(9)] + [MountPoint("/", "/dev/sdb2")]
    reasons = assess(replace(STICK, mounts=tuple(mounts)), 0).reasons
    assert reasons[0] == "it holds the running system: /dev/sdb2 is mounted at /"
    assert reasons[-1] == "and 6 more mounts"
    assert len(reasons) == 5


_FLAGS = st.fixed_dictionaries(
    {},
    optional={
        "is_partition": st.just(value=True),
        "is_read_only": st.just(value=True),
        "size_bytes": st.just(0),
        "mounts": st.just((MountPoint("/mnt", "/dev/sdb1"),)),
        "holders": st.just(("dm-0",)),
        "path": st.sampled_from(["/dev/dm-0", "/dev/md0", "/dev/zram0", "/dev/sr0"]),
    },
).filter(bool)


@given(
    flags=_FLAGS,
    base=st.sampled_from([STICK, DISK, LOOP]),
    contents=st.lists(st.sampled_from(["vfat", "ext4", "crypto_LUKS"]).map(lambda kind: Volume("/dev/sdb1", 1, kind))),
)
def test_no_policy_overrides_a_refusal(flags: dict[str, object], base: BlockDevice, contents: list[Volume]) -> None:
    device = replace(base, contents=tuple(contents), **flags)
    assert assess(device, 1, EVERYTHING).verdict == "refused"
    assert assess(device, 1).override == ""
