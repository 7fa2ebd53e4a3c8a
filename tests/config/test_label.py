"""The label of an image (build.md section 3.4)."""

from __future__ import annotations

import json

import pytest

from lkboard.config.label import parse_label
from lkboard.errors import ImageConflict
from lkboard.model.config import Mount, Options, Runtime

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
            f"{WRONG}: unknown field 'nonsense'",
        ),
        (
            '{"readonly":"yes","binds":"x"}',
            f"{WRONG}: readonly: expected true or false, got the text 'yes'; binds: expected a list, got the text 'x'",
        ),
        (
            '{"capabilities":["CAP_NOPE"],"binds":["/only"]}',
            f"{WRONG}: capabilities.0: unknown capability 'CAP_NOPE'; binds.0: the bind '/only' has no destination",
        ),
        ('{"pid": "host", "pid": "new"}', f"{WRONG}: the key 'pid' occurs twice"),
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
    assert text.startswith("docker.io/lab/x:v1: the label org.mobyproject.config is wrong: ")
    assert "\n" not in text


def test_what_is_only_worth_a_warning_in_a_config_is_no_error_in_a_label() -> None:
    assert parse_label("net: bridge", "x").net == "bridge"
