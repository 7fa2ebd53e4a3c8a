"""The label of an image (build.md section 3.4)."""

from __future__ import annotations

import json

import pytest

from lkboard.config.label import parse_label
from lkboard.errors import ImageConflict
from lkboard.model.config import (
    BlockIo,
    Cpu,
    IdMapping,
    InterfacePriority,
    Memory,
    Mount,
    Network,
    Options,
    Resources,
    Runtime,
)

WRONG = "the label org.mobyproject.config is wrong"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Options()),
        ("{}", Options()),
        ('{"pid":"host","readonly":true}', Options(pid="host", readonly=True)),
        ("pid: host\nbinds:\n - /a:/a\n", Options(pid="host", binds=("/a:/a",))),
        ('{"capabilities":["all"],"ambient":["ALL"]}', Options(capabilities=("all",), ambient=("ALL",))),
        ('{"capabilities":[]}', Options(capabilities=())),
        ('{"mounts":[{"type":"cgroup","options":["rw"]}]}', Options(mounts=(Mount(type="cgroup", options=("rw",)),))),
        ('{"runtime":{"mkdir":["/x"]}}', Options(runtime=Runtime(mkdir=("/x",)))),
        ('{"binds":["volume:/x"]}', Options(binds=("volume:/x",))),
        ('{"uid":"somebody"}', Options(uid="somebody")),
    ],
)
def test_labels(text: str, expected: Options) -> None:
    assert parse_label(text, "lab/x:v1") == expected


def test_json_with_every_escape_is_understood() -> None:
    command = ['"\\/\b\f\n\r\t', "ü中", "<&>"]
    assert parse_label(json.dumps({"command": command}), "x").command == tuple(command)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "the label org.mobyproject.config is no mapping of settings"),
        ("just text", "the label org.mobyproject.config is no mapping of settings"),
        ('{"name": "mine"}', "the label org.mobyproject.config must not set 'name'"),
        ('{"image": "x"}', "the label org.mobyproject.config must not set 'image'"),
        (
            '{"pid": "host", "nonsense": 1}',
            f"{WRONG}: line 1, column 17: unknown field 'nonsense'",
        ),
        (
            '{"readonly":"yes","binds":"x"}',
            f"{WRONG}: readonly: expected true or false, got the text 'yes'; binds: expected a list, got the text 'x'",
        ),
        (
            '{"capabilities":["CAP_NOPE"],"binds":["/only"]}',
            f"{WRONG}: capabilities.0: unknown capability 'CAP_NOPE'; binds.0: the bind '/only' has no destination",
        ),
        ('{"pid": "host", "pid": "new"}', f"{WRONG}: line 1, column 17: the key 'pid' occurs twice"),
    ],
)
def test_bad_labels(text: str, message: str) -> None:
    with pytest.raises(ImageConflict) as caught:
        parse_label(text, "lab/x:v1")
    assert caught.value.message == message


def test_an_error_names_image_and_label_on_one_line() -> None:
    with pytest.raises(ImageConflict) as caught:
        parse_label('{"pid": ', "docker.io/lab/x:v1")
    text = str(caught.value)
    assert text.startswith("docker.io/lab/x:v1: the label org.mobyproject.config is wrong: line 1, column 9: ")
    assert "\n" not in text


def test_what_is_only_worth_a_warning_in_a_config_is_no_error_in_a_label() -> None:
    assert parse_label("net: bridge", "x").net == "bridge"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"uidMappings": [{"containerID": 1, "hostID": 2, "size": 3}]}',
            Options(uid_mappings=(IdMapping(size=3),)),
        ),
        (
            '{"runtime": {"mounts": [{"type": "x", "gidmappings": [{"hostID": 2, "size": 3}]}]}}',
            Options(runtime=Runtime(mounts=(Mount(type="x", gid_mappings=(IdMapping(size=3),)),))),
        ),
        (
            '{"resources": {"memory": {"limit": 1, "kernelTCP": 2, "swappiness": 3, "disableOOMKiller": true}}}',
            Options(resources=Resources(memory=Memory(limit=1, swappiness=3))),
        ),
        (
            '{"resources": {"cpu": {"shares": 1, "realtimeRuntime": 2, "realtimePeriod": 3, "mems": "0"}}}',
            Options(resources=Resources(cpu=Cpu(shares=1, mems="0"))),
        ),
        (
            '{"resources": {"network": {"classID": 1, "priorities": [{"name": "a", "priority": 2}]}}}',
            Options(resources=Resources(network=Network(priorities=(InterfacePriority("a", 2),)))),
        ),
        (
            '{"resources": {"hugepageLimits": [{"pageSize": 1, "limit": 2}], "pids": {"limit": 3}}}',
            Options(resources=Resources(pids_limit=3)),
        ),
        (
            """{"resources": {"blockio": {"weight": 1, "leafWeight": 2, "weightDevice": [{"major": 1}],
            "throttleReadBpsDevice": [{"rate": 1}], "throttleWriteBpsDevice": [{"rate": 1}],
            "throttleReadIOPSDevice": [{"rate": 1}], "throttleWriteIOPSDevice": [{"rate": 1}]}}}""",
            Options(resources=Resources(block_io=BlockIo(weight=1))),
        ),
    ],
)
def test_what_linuxkit_drops_of_a_label_is_dropped(text: str, expected: Options) -> None:
    assert parse_label(text, "x") == expected


def test_what_is_dropped_is_checked_all_the_same() -> None:
    with pytest.raises(ImageConflict, match=r"uidMappings.0.hostID: expected a whole number"):
        parse_label('{"uidMappings": [{"hostID": "2"}]}', "x")
