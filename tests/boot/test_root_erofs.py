"""The file system of ``kernel+erofs``, as Linux reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.consoles import built_shell, talk
from support.tools import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.boot, pytest.mark.kit, pytest.mark.nightly]

LONG = "long-" * 40
MANY = 200
FILES = f"""\
files:
  - {{path: etc/odd, contents: "odd", mode: "4750", uid: 5, gid: 70000}}
  - {{path: a/b/c/d/e/f/g/h/i/j/deep, contents: "down-there"}}
  - {{path: etc/{LONG}, symlink: "../{LONG}"}}
"""
LISTED = "".join(f'  - {{path: "many/{LONG}{number}", contents: "{number}-"}}\n' for number in range(MANY))
COMMANDS = f"""\
modprobe erofs; mkdir -p /run/m; mount -rt erofs /dev/vda /run/m; cd /run/m
cmp /bin/busybox bin/busybox && echo busybox-is-$((6*7))
stat -c 'odd is %a %u %g %Y' etc/odd
cat a/b/c/d/e/f/g/h/i/j/deep; echo
test "$(readlink etc/{LONG})" = "../{LONG}" && echo link-is-$((6*7))
n=0; for i in $(seq 0 {MANY - 1}); do test "$(cat many/{LONG}$i)" = $i- && n=$((n+1)); done; echo found-$n
find . -xdev -type f -exec cat {{}} + >/run/all && echo all-$((6*7)); dmesg | grep -i 'erofs.*err' || echo no-$((6*7))
"""


def test_the_root_on_it_is_the_root(tmp_path: Path) -> None:
    need("qemu-system-x86_64", "qemu-img")
    image = built_shell(tmp_path, "kernel+initrd", "kernel+erofs", more=FILES + LISTED)
    seen = talk(image, COMMANDS, "--disk", f"{image}-erofs.img")
    assert "busybox-is-42" in seen
    assert "odd is 4750 5 70000 1492533000" in seen
    assert "down-there" in seen
    assert "link-is-42" in seen
    assert f"found-{MANY}" in seen
    assert "all-42" in seen
    assert "no-42" in seen
