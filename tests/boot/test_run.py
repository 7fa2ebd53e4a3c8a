"""``lkboard run`` with a real guest: its console is ours, and it has the disks that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.consoles import built_shell, talk
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit]

COMMANDS = "mkdir -p /run/m; mount -rt iso9660 /dev/sr0 /run/m && cat /run/m/config; cat /proc/partitions\n"


def test_the_console_metadata_and_disks_of_a_run(tmp_path: Path) -> None:
    need("qemu-system-x86_64", "qemu-img")
    image = built_shell(tmp_path, "kernel+initrd")
    seen = talk(image, COMMANDS, "--data", "metadata-of-mine", "--disk", "64M")
    assert "metadata-of-mine" in seen
    assert "65536 vda" in " ".join(seen.split())
