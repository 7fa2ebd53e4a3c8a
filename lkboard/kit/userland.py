"""The images of the kit's user space: init, container runtime, and three containers to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkboard.kit.busybox import BUSYBOX, PACKAGE
from lkboard.kit.recipe import Ingredients, Recipe
from lkboard.kit.tree import PROGRAM
from lkboard.resources import resource

if TYPE_CHECKING:
    from lkboard.kit.tree import Tree

_OURS = "Apache-2.0"
_BUSYBOX = {PACKAGE: "GPL-2.0-only"}
_C_LIBRARY = {"libc6": "LGPL-2.1-or-later"}
# "/" becomes read-only after start-up: what is mounted on must be there (build.md section 8.1)
_DIRECTORIES = (
    "dev", "etc/init.d", "etc/shutdown.d", "lib", "mnt", "opt", "proc", "run", "sys", "usr/bin", "usr/lib", "usr/sbin",
    "var",
)  # fmt: skip


def _add_busybox(tree: Tree, given: Ingredients) -> None:
    given.install(tree, PACKAGE, BUSYBOX, BUSYBOX, PROGRAM)
    for path in given.applets:
        tree.symlink(path, f"/{BUSYBOX}")


def _make_init(tree: Tree, given: Ingredients) -> None:
    _add_busybox(tree, given)
    for path in _DIRECTORIES:
        tree.directory(path)
    tree.directory("tmp", 0o1777)
    tree.directory("root", 0o700)
    # where lkboard/sshd finds authorized_keys: the bind's source must exist, with or without keys
    tree.directory("root/.ssh", 0o700)
    tree.resources(resource("kit/init"))


def _make_runc(tree: Tree, given: Ingredients) -> None:
    given.install_program(tree, "runc", "usr/sbin/runc", "usr/bin/runc")


def _make_dhcp(tree: Tree, given: Ingredients) -> None:
    _add_busybox(tree, given)
    tree.resources(resource("kit/dhcp"))


def _make_sshd(tree: Tree, given: Ingredients) -> None:
    _add_busybox(tree, given)
    for path in ("usr/sbin/dropbear", "usr/bin/dropbearkey"):
        given.install_program(tree, "dropbear-bin", path, path)
    tree.directory("root", 0o700)
    tree.directory("root/.ssh", 0o700)
    tree.resources(resource("kit/sshd"))


def _make_web(tree: Tree, given: Ingredients) -> None:
    _add_busybox(tree, given)
    tree.resources(resource("kit/web"))


INIT = Recipe(
    name="init",
    title="busybox and lkboard's init",
    packages=_BUSYBOX,
    own_licence=_OURS,
    make=_make_init,
)
RUNC = Recipe(
    name="runc",
    title="runc, the container runtime",
    packages={"runc": "Apache-2.0", "libseccomp2": "LGPL-2.1-only", **_C_LIBRARY},
    make=_make_runc,
)
DHCP = Recipe(
    name="dhcp",
    title="DHCP client (udhcpc of busybox)",
    packages=_BUSYBOX,
    own_licence=_OURS,
    make=_make_dhcp,
    entrypoint=("/sbin/dhcpcd", "-1"),
    container={
        "binds": ["/run/resolvconf:/etc"],
        "capabilities": ["CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW"],
        "net": "host",
    },
)
SSHD = Recipe(
    name="sshd",
    title="ssh server (dropbear)",
    packages={
        "dropbear-bin": "MIT",
        "libtomcrypt1": "Unlicense",
        "libtommath1": "Unlicense",
        "libgmp10": "LGPL-3.0-or-later OR GPL-2.0-or-later",
        "libcrypt1": "LGPL-2.1-or-later",
        "zlib1g": "Zlib",
        **_C_LIBRARY,
        **_BUSYBOX,
    },
    own_licence=_OURS,
    make=_make_sshd,
    entrypoint=("/usr/sbin/lkb-sshd",),
    container={
        "binds": [
            "/root/.ssh:/root/.ssh", "/run:/run", "/dev:/dev", "/sys:/sys", "/var:/var", "/tmp:/tmp",  # noqa: S108 - a bind
            "/etc/resolv.conf:/etc/resolv.conf", "/etc:/hostroot/etc", "/containers:/containers",
        ],
        "capabilities": ["all"],
        "net": "host",
        "pid": "host",
    },
)  # fmt: skip
WEB = Recipe(
    name="web",
    title="small web service (httpd of busybox)",
    packages=_BUSYBOX,
    own_licence=_OURS,
    make=_make_web,
    entrypoint=("/usr/sbin/lkb-web",),
    container={"capabilities": ["CAP_NET_BIND_SERVICE"], "net": "host", "readonly": True},
)
USERLAND = (INIT, RUNC, DHCP, SSHD, WEB)
