"""``lkboard write CONFIG``: build and write in one go."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.boards import write_board
from support.cards import files_of
from support.images import directory, file, image, layer, tar, write_layout
from support.loops import attached, filled_file, run
from support.maps import MIB, NOISE
from support.processes import ENVIRONMENT, lkboard

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "kernel:\n  image: lab/kernel:v1\n  cmdline: console=ttyS0\ninit: [lab/init:v1]\n"
BOARD = """\
id: toy
title: Toy board without firmware
vendor: Nobody
support: untested
arch: amd64
boot_chain: rpi
format: sdcard
kernel: {path: kernel}
initrd: {path: initrd.img}
layout:
  table: mbr
  partitions:
    - {name: boot, type: "0c", filesystem: fat32, start: 1 MiB, active: true}
files: []
text: []
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config, a board, and the images in the store."""
    kernel = image(layer(file("kernel", NOISE), file("kernel.tar", tar(directory("lib")))))
    init = image(layer(file("init", b"#!/bin/sh\n", 0o755)))
    write_layout(tmp_path / "cache", {"docker.io/lab/kernel:v1": kernel, "docker.io/lab/init:v1": init})
    write_board(tmp_path / "toy", BOARD)
    (tmp_path / "x.yml").write_text(CONFIG)
    monkeypatch.setitem(ENVIRONMENT, "LKBOARD_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_config_to_a_file(lab: Path) -> None:
    done = lkboard("write", lab / "x.yml", "--board", lab / "toy", "--to", lab / "out.img")
    assert done.returncode == 0, done.stderr
    assert sorted(files_of(lab / "out.img").split()) == ["::/initrd.img", "::/kernel"]
    assert list((lab / "cache/.lkboard/write").iterdir()) == []


def test_it_is_the_image_that_build_makes(lab: Path) -> None:
    assert lkboard("build", lab / "x.yml", "--board", lab / "toy", "-o", lab / "built.img").returncode == 0
    assert lkboard("write", lab / "x.yml", "--board", lab / "toy", "--to", lab / "out.img").returncode == 0
    assert (lab / "out.img").read_bytes() == (lab / "built.img").read_bytes()


def test_a_config_from_standard_input(lab: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lkboard", "write", "-", "--board", lab / "toy", "--to", lab / "out.img"],
        input=CONFIG, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "::/kernel" in files_of(lab / "out.img")


@pytest.mark.device
def test_a_config_to_a_device(lab: Path) -> None:
    card = filled_file(lab / "card", 64 * MIB)
    with attached(card) as path:
        done = lkboard(
            "write", lab / "x.yml", "--board", lab / "toy", "--to", path, "--allow-loop", "--yes-erase", path
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        run("mcopy", "-i", f"{path}@@1M", "::/kernel", str(lab / "back"))
    assert (lab / "back").read_bytes() == NOISE


@pytest.mark.device
@pytest.mark.parametrize(
    ("config", "message"),
    [("kernel: [\n", "x.yml:"), ("kernel:\n  image: lab/kernel:v1\n  command: x\n", "command"), (None, "x.yml")],
)
def test_a_config_that_cannot_be_built_leaves_the_device_alone(lab: Path, config: str | None, message: str) -> None:
    (lab / "x.yml").unlink()
    if config is not None:
        (lab / "x.yml").write_text(config)
    card = filled_file(lab / "card", 64 * MIB)
    with attached(card) as path:
        done = lkboard(
            "write", lab / "x.yml", "--board", lab / "toy", "--to", path, "--allow-loop", "--yes-erase", path
        )  # fmt: skip
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert card.read_bytes() == b"\xa5" * (64 * MIB)


@pytest.mark.device
def test_a_device_that_must_not_be_written_is_refused_before_the_build(lab: Path) -> None:
    with attached(filled_file(lab / "card", 64 * MIB), "--read-only") as path:
        done = lkboard("write", lab / "x.yml", "--board", lab / "toy", "--to", path, "--allow-loop")
    assert done.returncode == 3
    assert "Resolve images" not in done.stderr
