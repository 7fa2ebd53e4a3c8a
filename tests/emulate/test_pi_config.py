"""``config.txt`` as far as it decides what is loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkboard.emulate.pi_config import parse_pi_config
from lkboard.errors import EmulationError


def test_what_is_loaded_is_read() -> None:
    config = parse_pi_config(
        "# comment\narm_64bit=1\n\nkernel = kernel8.img # mine\ninitramfs initrd.img followkernel\n"
    )
    assert (config.get("arm_64bit"), config.get("kernel"), config.initramfs) == ("1", "kernel8.img", "initrd.img")
    assert str(config.place("kernel")) == "config.txt:4"


def test_the_last_line_counts() -> None:
    assert parse_pi_config("kernel=a\nkernel=b\n").get("kernel") == "b"


def test_what_is_not_there_has_a_default_and_the_file_as_its_place() -> None:
    config = parse_pi_config("")
    assert (config.get("kernel", "kernel8.img"), config.initramfs) == ("kernel8.img", "")
    assert str(config.place("kernel")) == "config.txt"


def test_sections_for_other_models_do_not_count() -> None:
    config = parse_pi_config("kernel=a\n[pi4]\nkernel=b\ndtoverlay=x\n[pi3]\ncmdline=c.txt\n[all]\nenable_uart=1\n")
    assert (config.get("kernel"), config.get("cmdline")) == ("a", "c.txt")


@pytest.mark.parametrize("line", ["enable_uart=1", "gpu_mem=16", "disable_splash=1"])
def test_settings_that_load_nothing_are_allowed(line: str) -> None:
    assert parse_pi_config(line).get("kernel") == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dtoverlay=vc4-kms-v3d", "config.txt:2: the test does not understand 'dtoverlay=vc4-kms-v3d'"),
        ("os_prefix=a/", "config.txt:2: the test does not understand 'os_prefix=a/'"),
        ("include extra.txt", "config.txt:2: the test does not understand 'include extra.txt'"),
        ("[edid=x]", "config.txt:2: the test does not understand the section '[edid=x]'"),
        ("initramfs initrd.img 0x8", "config.txt:2: the test does not understand 'initramfs initrd.img 0x8'"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(line: str, message: str) -> None:
    with pytest.raises(EmulationError) as caught:
        parse_pi_config(f"arm_64bit=1\n{line}\n")
    assert str(caught.value).startswith(message)


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_an_error_with_its_line(text: str) -> None:
    where: str | None = "config.txt:"
    try:
        parse_pi_config(text)
    except EmulationError as error:
        where = error.where
    assert where is not None
    assert where.startswith("config.txt:")
