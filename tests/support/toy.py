"""A board without firmware and a store that has all images of its config: real disks, made without any network.

from support.toy import toy  # in a conftest or a test module

def test(toy: Path) -> None:
    lkboard("build", toy / "x.yml", "--board", toy / "toy", "-o", toy / "x.img")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.boards import write_board
from support.images import directory, file, image, layer, tar, write_layout
from support.maps import NOISE
from support.processes import ENVIRONMENT

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
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config ``x.yml``, a board ``toy``, and the images in the store."""
    kernel = image(layer(file("kernel", NOISE), file("kernel.tar", tar(directory("lib")))))
    init = image(layer(file("init", b"#!/bin/sh\n", 0o755)))
    write_layout(tmp_path / "cache", {"docker.io/lab/kernel:v1": kernel, "docker.io/lab/init:v1": init})
    write_board(tmp_path / "toy", BOARD)
    (tmp_path / "x.yml").write_text(CONFIG)
    monkeypatch.setitem(ENVIRONMENT, "LKBOARD_CACHE", str(tmp_path / "cache"))
    return tmp_path
