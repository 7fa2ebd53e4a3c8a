"""The disc of ``kernel+iso``, as Linux reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.consoles import built_shell, talk
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit, pytest.mark.nightly]

LONG = "long-" * 40
FILES = f"""\
files:
  - {{path: etc/odd, contents: "odd", mode: "4750", uid: 5, gid: 70000}}
  - {{path: a/b/c/d/e/f/g/h/i/j/deep, contents: "down-there"}}
  - {{path: etc/{LONG}, symlink: "../{LONG}"}}
"""
COMMANDS = f"""\
modprobe isofs; mkdir -p /run/m; mount -rt iso9660 /dev/vda /run/m; cd /run/m
cmp /bin/busybox bin/busybox && echo busybox-is-$((6*7))
stat -c 'odd is %a %u %g' etc/odd
cat a/b/c/d/e/f/g/h/i/j/deep; echo
test "$(readlink etc/{LONG})" = "../{LONG}" && echo link-is-$((6*7))
"""


def test_the_root_on_it_is_the_root(tmp_path: Path) -> None:
    need("qemu-system-x86_64", "qemu-img")
    image = built_shell(tmp_path, "kernel+initrd", "kernel+iso", more=FILES)
    seen = talk(image, COMMANDS, "--disk", f"{image}.iso")
    assert "busybox-is-42" in seen
    assert "odd is 4750 5 70000" in seen
    assert "down-there" in seen
    assert "link-is-42" in seen
