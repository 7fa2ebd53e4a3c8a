"""The files that every image gets or loses when it becomes part of a system (build.md section 5.5).

The network's files are made up, because what an image brings along belongs to where it was built; mount points are
there because the root is read-only at run time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from lkboard.model.extents import Content
from lkboard.model.rootfs import EPOCH, Entry, Kind
from lkboard.rootfs.merge import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkboard.model.rootfs import Origin
    from lkboard.oci.layers.file_tree import FileTree

Resolver = Literal["file", "link"]
"""What ``etc/resolv.conf`` becomes: a file in containers, a link to what the DHCP client writes everywhere else."""

HOSTS = b"""\
127.0.0.1       localhost
::1     localhost ip6-localhost ip6-loopback
fe00::0 ip6-localnet
ff00::0 ip6-mcastprefix
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
"""
RESOLVER = b"\n# no resolv.conf configured\n"
RESOLVER_LINK = "/run/resolvconf/resolv.conf"

_DROPPED = (".dockerenv", "Dockerfile", "dev/console", "dev/pts", "dev/shm", "etc/hostname")
_MOUNT_TABLE = "etc/mtab"
_MADE = {
    "etc/hosts": "only localhost: what an image brings along belongs to where it was built",
    "etc/resolv.conf": "the name servers are only known at run time",
    _MOUNT_TABLE: "the kernel knows what is mounted",
}
_MOUNT_POINT = "a mount point, because the root cannot be written to at run time"
_SECOND = 1_000_000_000
_RANK = 1 << 30
"""Above every layer."""


def adapt(tree: FileTree, origin: Origin, resolver: Resolver, epoch: int = EPOCH) -> None:
    """Apply the rules to an image's root; ``epoch`` is the time of what is made up. Raises `ImageConflict`."""
    for path in _DROPPED:
        node = tree.find(path)
        if node is not None and not node.children:
            tree.remove(path, origin)
    table = tree.find(_MOUNT_TABLE)
    if table is not None:
        table.entry = replace(table.entry, mtime_ns=epoch * _SECOND)
    for entry in _additions(origin, resolver, has_table=table is not None):
        made = replace(origin, made=_MADE.get(entry.path, _MOUNT_POINT))
        put(tree, entry.path, replace(entry, mtime_ns=epoch * _SECOND, origin=made), _RANK)


def _additions(origin: Origin, resolver: Resolver, *, has_table: bool) -> Iterator[Entry]:
    for path in ("dev", "dev/pts", "dev/shm", "etc"):
        yield Entry(path, Kind.DIRECTORY, 0o755, origin=origin)
    yield Entry("etc/hosts", Kind.FILE, 0o644, content=Content.of(HOSTS), origin=origin)
    if not has_table:
        yield Entry(_MOUNT_TABLE, Kind.SYMLINK, 0o755, link="/proc/mounts", origin=origin)
    if resolver == "link":
        yield Entry("etc/resolv.conf", Kind.SYMLINK, 0o644, link=RESOLVER_LINK, origin=origin)
    else:
        yield Entry("etc/resolv.conf", Kind.FILE, 0o644, content=Content.of(RESOLVER), origin=origin)
    for path in ("proc", "sys"):
        yield Entry(path, Kind.DIRECTORY, 0o755, origin=origin)
