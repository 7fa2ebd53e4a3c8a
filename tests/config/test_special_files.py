"""What is read by its path is a file: a pipe without a writer would make lkboard wait where nothing can stop it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lkboard.config.load import load_config
from lkboard.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

HINT = "is no regular file (use - for standard input to read from a pipe)"


def errors_of(name: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config([name])
    return [str(problem) for problem in caught.value.problems]


def test_a_pipe_that_nobody_writes_is_no_config(tmp_path: Path) -> None:
    pipe = tmp_path / "f.yml"
    os.mkfifo(pipe)
    assert errors_of(str(pipe)) == [f"{pipe}: {HINT}"]


def test_a_pipe_of_the_shell_is_no_config() -> None:
    reader, writer = os.pipe()
    try:
        assert errors_of(f"/dev/fd/{reader}") == [f"/dev/fd/{reader}: {HINT}"]
    finally:
        os.close(reader)
        os.close(writer)


def test_a_device_is_no_config() -> None:
    assert errors_of("/dev/zero") == [f"/dev/zero: {HINT}"]


def test_a_pipe_is_no_description_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    os.mkfifo(tmp_path / "package" / "build.yml")
    config = tmp_path / "a.yml"
    config.write_text("init: ['@pkg:./package']\n")
    (message,) = errors_of(str(config))
    assert f"{tmp_path}/package/build.yml: is no regular file" in message


def test_a_link_to_a_file_is_a_config(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("init: ['redis:7']\n")
    (tmp_path / "b.yml").symlink_to("a.yml")
    assert load_config([str(tmp_path / "b.yml")]).config.init
