"""``lkboard formats`` lists what ``build --format`` takes."""

from __future__ import annotations

import json

from support.processes import lkboard

from lkboard.formats import catalogue


def test_every_format_is_listed_with_its_files() -> None:
    done = lkboard("formats")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == sorted([*catalogue(), "rpi3"])
    line = next(line for line in done.stdout.splitlines() if line.startswith("kernel+initrd "))
    assert line.endswith("NAME-kernel NAME-initrd.img NAME-cmdline")


def test_a_format_without_a_board_of_its_own_says_so() -> None:
    line = next(line for line in lkboard("formats").stdout.splitlines() if line.startswith("sdcard "))
    assert line.endswith("made with --board")


def test_a_format_that_is_a_board_says_so() -> None:
    line = next(line for line in lkboard("formats").stdout.splitlines() if line.startswith("rpi3 "))
    assert line.endswith("Raspberry Pi 3, the same as --board rpi3: NAME-rpi3.img")


def test_json_has_an_object_a_format() -> None:
    lines = [json.loads(line) for line in lkboard("formats", "--json").stdout.splitlines()]
    found = {line["name"]: line for line in lines}
    assert found["raw-efi"]["boards"] == ["arm64-efi", "x86-efi"]
    assert found["sdcard"]["needs_board"]
