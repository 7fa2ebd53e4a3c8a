"""What is read by its path and is no file: a pipe without a writer must not make lkboard wait for ever."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lkboard.config.load import load_config
from lkboard.errors import Cancelled, ConfigError
from lkboard.events import Job

if TYPE_CHECKING:
    from pathlib import Path

HINT = "is no regular file (use - for standard input to read from a pipe)"


def errors_of(name: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config([name])
    return [str(problem) for problem in caught.value.problems]


def test_the_wait_for_the_writer_of_a_pipe_can_be_stopped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.yml")
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        load_config([str(tmp_path / "f.yml")], job=job)


def test_a_pipe_that_nobody_could_stop_to_wait_for_is_no_config(tmp_path: Path) -> None:
    pipe = tmp_path / "f.yml"
    os.mkfifo(pipe)
    assert errors_of(str(pipe)) == [f"{pipe}: {HINT}"]


@pytest.mark.parametrize("size", [0, 100, 1 << 20])
def test_a_pipe_of_the_shell_is_a_config(size: int) -> None:
    text = f"init: ['redis:7']\n# {'x' * size}\n"
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as file, ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_config, [f"/dev/fd/{reader}"], job=Job())
        file.write(text)
        file.close()
        assert [str(image.text) for image in loading.result().config.init] == ["redis:7"]
    os.close(reader)


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
