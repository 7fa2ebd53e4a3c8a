"""A file that is too large for one piece arrives in the machine as it was: the kernel unpacks members made in parts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from support.images import noise
from support.kit import kit_store
from support.tools import need

from lkboard.app.boot_test import TestOptions, boot_test
from lkboard.app.build import build
from lkboard.app.build_options import BuildOptions
from lkboard.events import Job
from lkboard.rootfs.members import LARGE_SIZE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit]

CONSOLES = {"amd64": ("qemu-system-x86_64", "ttyS0"), "arm64": ("qemu-system-aarch64", "ttyAMA0")}
LIMIT_SECONDS = 600.0
CONFIG = """\
kernel:
  image: lkboard/kernel:kit
  cmdline: "console={console} panic=-1"
init:
  - lkboard/init:kit
  - lkboard/runc:kit
onboot:
  - name: check
    image: lkboard/web:kit
    readonly: false
    binds: ["/data:/data:ro"]
    command: ["/bin/sh", "-c", "sha256sum /data/large /data/text /data/last"]
files:
  - {{path: data/large, source: large}}
  - {{path: data/text, source: text}}
  - {{path: data/last, source: last}}
"""


@pytest.mark.parametrize("architecture", sorted(CONSOLES))
def test_large_files_arrive_whole(architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator, console = CONSOLES[architecture]
    need(emulator)
    files = {"large": noise(2 * LARGE_SIZE + 12_345), "text": b"all work and no play " * 500_000, "last": b"end"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "large.yml").write_text(CONFIG.format(console=console))
    monkeypatch.chdir(tmp_path)
    options = BuildOptions(
        files=("large.yml",),
        formats=("kernel+initrd",),
        architecture=architecture,
        name="x",
        cache=str(kit_store()),
    )
    build(options, Job())
    sums = tuple(f"{hashlib.sha256(data).hexdigest()}  /data/{name}" for name, data in files.items())
    verdict = boot_test(
        TestOptions(image="x", architecture=architecture, expect=sums, timeout=LIMIT_SECONDS, accelerator="tcg"), Job()
    )
    assert verdict.passed, "\n".join((verdict.reason, *verdict.console))
