from __future__ import annotations

import pytest

from lkboard.model.config import (
    BlockIo,
    Cpu,
    DeviceRule,
    HugepageLimit,
    InterfacePriority,
    Memory,
    Network,
    Resources,
    ThrottleDevice,
    WeightDevice,
)
from lkboard.rootfs.cgroup_limits import resources_json


def test_nothing_is_an_empty_object() -> None:
    assert resources_json(Resources(), ()) == {}


def test_device_rules_keep_zeros_and_leave_out_wildcards() -> None:
    own = Resources(devices=(DeviceRule(allow=False, access="rwm"),))
    further = [DeviceRule(allow=True, type="c", major=0, minor=0, access="rwm")]
    assert resources_json(own, further)["devices"] == [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 0, "minor": 0, "access": "rwm"},
    ]


FULL = Resources(
    memory=Memory(1, 2, 3, 4, 5, 6, disable_oom_killer=True),
    cpu=Cpu(1, 2, 3, 4, 5, "0-3", "0"),
    pids_limit=0,
    block_io=BlockIo(
        10,
        11,
        (WeightDevice(8, 0, 500, 300), WeightDevice(8, 16)),
        (ThrottleDevice(8, 0, 600),),
        (ThrottleDevice(8, 1, 601),),
        (ThrottleDevice(8, 2, 602),),
        (ThrottleDevice(8, 3, 603),),
    ),
    hugepage_limits=(HugepageLimit(2 << 20, 4 << 20),),
    network=Network(1048577, (InterfacePriority("eth0", 500),)),
)


def test_every_limit_has_its_place_in_the_order_of_the_runtime_spec() -> None:
    document = resources_json(FULL, ())
    assert list(document) == ["memory", "cpu", "pids", "blockIO", "hugepageLimits", "network"]
    assert list(document["memory"].items()) == [
        ("limit", 1),
        ("reservation", 2),
        ("swap", 3),
        ("kernel", 4),
        ("kernelTCP", 5),
        ("swappiness", 6),
        ("disableOOMKiller", True),
    ]
    assert list(document["cpu"].items()) == [
        ("shares", 1),
        ("quota", 2),
        ("period", 3),
        ("realtimeRuntime", 4),
        ("realtimePeriod", 5),
        ("cpus", "0-3"),
        ("mems", "0"),
    ]
    assert document["pids"] == {"limit": 0}
    assert list(document["blockIO"].items()) == [
        ("weight", 10),
        ("leafWeight", 11),
        ("weightDevice", [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}, {"major": 8, "minor": 16}]),
        ("throttleReadBpsDevice", [{"major": 8, "minor": 0, "rate": 600}]),
        ("throttleWriteBpsDevice", [{"major": 8, "minor": 1, "rate": 601}]),
        ("throttleReadIOPSDevice", [{"major": 8, "minor": 2, "rate": 602}]),
        ("throttleWriteIOPSDevice", [{"major": 8, "minor": 3, "rate": 603}]),
    ]
    assert document["hugepageLimits"] == [{"pageSize": "2MB", "limit": 4 << 20}]
    assert document["network"] == {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]}


def test_groups_that_are_set_stay_even_if_they_are_empty() -> None:
    resources = Resources(memory=Memory(disable_oom_killer=False), cpu=Cpu(), block_io=BlockIo(), network=Network())
    assert resources_json(resources, ()) == {"memory": {}, "cpu": {}, "blockIO": {}, "network": {}}


@pytest.mark.parametrize(
    ("size", "text"), [(65536, "64KB"), (2 << 20, "2MB"), (1 << 30, "1GB"), (1000, "1000B"), (0, "0B")]
)
def test_sizes_of_huge_pages_have_units(size: int, text: str) -> None:
    limits = resources_json(Resources(hugepage_limits=(HugepageLimit(size, 1),)), ())["hugepageLimits"]
    assert limits[0]["pageSize"] == text
